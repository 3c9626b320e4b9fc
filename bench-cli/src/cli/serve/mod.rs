//! `bench-cli serve`: all sweeps of a folder in a browser, with the progress of running ones.
//!
//! The server only reads, and by default answers only this machine. [`files`] decides which files a URL may
//! reach.

mod files;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::files::{Found, Kind};
use super::artifacts::{REPORT, SUMMARY};
use super::usage::UsageError;
use crate::campaign::sweep::{CSV_FILE, overview};
use crate::record::distribution::LATENCIES_FILE;
use crate::report::index::{self, Listed};
use crate::spec::file::SPEC_FILE;

/// How long the server waits for the rest of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A pause after a connection failed, so that others can end.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Show all sweeps of a folder in a browser, with the progress of running ones
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  bench-cli serve
  bench-cli serve results --bind 127.0.0.1:9000

The server only reads, and shows nothing outside the folder. Ctrl-C ends it. Everyone who can reach the address can read \
the folder. To look at a remote machine's sweeps, use an SSH tunnel:
  ssh -L 8080:127.0.0.1:8080 HOST

Exit status: 0 after Ctrl-C or SIGTERM; 1 if it cannot listen on the address; 2 if the flags are wrong or there is no such \
folder.")]
pub struct ServeArgs {
    /// The folder with the sweeps [default: results if there is one, else this folder]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Address and port, or a port of this machine; port 0 takes a free one
    #[arg(long, alias = "port", value_name = "ADDRESS", value_parser = address, default_value = "127.0.0.1:8080")]
    bind: SocketAddr,
}

/// The value of `--bind`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    match port.parse() {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => {
            text.parse().map_err(|_| "write it as 127.0.0.1:9000, or give a port, such as 9000".to_owned())
        }
    }
}

/// Runs the command until it is interrupted.
///
/// # Errors
/// If the folder does not exist, or the address is taken.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let folder = args.folder.clone().unwrap_or_else(|| {
        let results = PathBuf::from("results");
        if results.is_dir() { results } else { PathBuf::from(".") }
    });
    ensure!(
        folder.is_dir(),
        UsageError::new(format!("{} is not a folder; name the one that holds the sweeps", folder.display()))
    );
    let root = folder.canonicalize().with_context(|| format!("cannot read {}", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(args.bind, Arc::new(Site { shown: folder.display().to_string(), root })))?;
    Ok(ExitCode::SUCCESS)
}

/// The folder that is served.
#[derive(Debug)]
struct Site {
    /// The folder, as it was typed.
    shown: String,
    /// The folder without links.
    root: PathBuf,
}

async fn serve(bind: SocketAddr, site: Arc<Site>) -> anyhow::Result<()> {
    let ended = || "cannot handle signals";
    let mut interrupt = signal(SignalKind::interrupt()).with_context(ended)?;
    let mut terminate = signal(SignalKind::terminate()).with_context(ended)?;
    let listener = TcpListener::bind(bind).await.with_context(|| {
        format!("cannot listen on {bind}; choose another port with --bind, or any free one with --bind 0")
    })?;
    let address = listener.local_addr()?;
    println!("serving {} on http://{address}/ (Ctrl-C ends it)", site.shown);
    loop {
        let stream = tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // The client has gone, or there are too many open files; others are served.
                Err(error) => {
                    log::warn!("a connection failed: {error}");
                    tokio::time::sleep(AFTER_ERROR).await;
                    continue;
                }
            },
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let site = Arc::clone(&site);
                async move { Ok::<_, Infallible>(site.answer(&request, address).await) }
            });
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
                log::info!("a connection ended: {error}");
            }
        });
    }
}

type Answer = Response<Full<Bytes>>;

impl Site {
    async fn answer(self: Arc<Self>, request: &Request<Incoming>, address: SocketAddr) -> Answer {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "this server only reads");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        // DNS rebinding: a foreign page could reach this machine under its own host name.
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        if address.ip().is_loopback() && !host.is_some_and(is_local) {
            return text(StatusCode::FORBIDDEN, "this server answers to localhost only");
        }
        let path = request.uri().path().to_owned();
        // Files are read by a thread that may wait for the disk.
        let read = tokio::task::spawn_blocking(move || self.read(&path)).await;
        read.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "this page could not be created"))
    }

    fn read(&self, path: &str) -> Answer {
        if path == "/" {
            return respond(StatusCode::OK, Kind::Page, self.index().into_bytes());
        }
        match files::find(&self.root, path) {
            Found::File(file, kind) => match std::fs::read(&file) {
                Ok(bytes) => respond(StatusCode::OK, kind, bytes),
                Err(_) => text(StatusCode::NOT_FOUND, "this file cannot be read"),
            },
            Found::Folder(folder) => match files::listing(&self.root, &folder, path) {
                Ok(page) => respond(StatusCode::OK, Kind::Page, page.into_bytes()),
                Err(_) => text(StatusCode::NOT_FOUND, "this folder cannot be read"),
            },
            Found::Nothing => text(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    /// The list of all sweeps.
    fn index(&self) -> String {
        let entries = overview::sweeps_below(&self.root);
        let listed = entries.iter().map(|entry| Listed {
            folder: entry.folder.display().to_string(),
            records: entry.recorded.as_ref().map(|sweep| sweep.records.as_slice()).map_err(String::as_str),
            planned: entry.planned,
            is_running: entry.is_running,
            files: present(&self.root.join(&entry.folder)),
        });
        index::page(&self.shown, listed.collect())
    }
}

/// The files of a sweep that are worth a link, as far as they are there.
fn present(folder: &Path) -> Vec<String> {
    let names = [REPORT, SUMMARY, CSV_FILE, LATENCIES_FILE, SPEC_FILE];
    names.into_iter().filter(|name| folder.join(name).is_file()).map(str::to_owned).collect()
}

/// Whether a host's name is this machine's own.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name == "localhost"
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn text(status: StatusCode, text: &str) -> Answer {
    respond(status, Kind::Text, format!("{text}\n").into_bytes())
}

fn respond(status: StatusCode, kind: Kind, bytes: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(bytes)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, kind.content_type());
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    // A sweep that is running writes its files again.
    set(header::CACHE_CONTROL, "no-cache");
    if let Some(policy) = kind.policy() {
        set(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_of_this_machine() {
        for text in ["9000", "localhost:9000", "127.0.0.1:9000"] {
            assert_eq!(address(text).unwrap().to_string(), "127.0.0.1:9000", "{text}");
        }
        assert_eq!(address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for text in ["", "example.org:80", "70000", "127.0.0.1"] {
            assert!(address(text).unwrap_err().contains("9000"), "{text}");
        }
    }

    #[test]
    fn only_this_machine_s_names_are_local() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["example.org", "localhost.example.org:80", "127.0.0.1.example.org", "192.0.2.1:8080", ""]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
