//! `bench-cli serve`: all sweeps of a folder over HTTP, read-only, nothing outside the folder, and in a real
//! browser.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Place, bench_cli, stderr};
use crate::report::{chromium, opened};

/// A server, ended when it goes out of scope.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let mut serve = bench_cli();
        serve.args(["serve", "--bind", "127.0.0.1:0"]).arg(folder).stdout(Stdio::piped());
        let mut process = serve.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap().split('/').next().unwrap();
        Server { port: port.parse().unwrap(), process }
    }

    /// Sends a request as it is, and gives the answer as it is.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn request(&self, method: &str, path: &str, host: &str) -> String {
        self.raw(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    fn get(&self, path: &str) -> String {
        self.request("GET", path, "localhost")
    }

    /// Waits until a page has this text.
    fn wait_for(&self, path: &str, text: &str) -> String {
        let begin = Instant::now();
        loop {
            let page = self.get(path);
            if page.contains(text) {
                return page;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{page}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
}

/// A folder with a sweep in virtual time and one of a stand-in for Maelstrom, whose runs have logs.
fn served() -> Place {
    let place = Place::new();
    let simulated =
        ["sweep", "--engine", "simulated", "--out", "all/virtual", "--batch-timeouts", "50,100,200"];
    let output =
        place.bench(&simulated).args(["--repetitions", "2", "--time-limit", "2s", "-q"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let mut real =
        place.sweep(&["--batch-timeouts", "50,200", "--repetitions", "1", "--out", "all/deep/real"]);
    let output = real.env("FAKE_50", "crash").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    place
}

#[test]
fn sweeps_are_served_read_only_and_nothing_else_is() {
    let place = served();
    fs::write(place.path("secret.txt"), "secret").unwrap();
    std::os::unix::fs::symlink(place.path("secret.txt"), place.path("all/link.txt")).unwrap();
    let server = Server::start(&place.path("all"));
    let index = server.get("/");
    assert_eq!(status(&index), 200);
    for part in [
        "content-type: text/html; charset=utf-8",
        "x-content-type-options: nosniff",
        "<a href=\"./virtual/report.html\">virtual</a>",
        "<a href=\"./deep/real/report.html\">deep/real</a>",
        "6 runs: 6 ok",
        "1 failed</span>",
    ] {
        assert!(index.contains(part), "{part}\n{index}");
    }
    assert!(server.get("/virtual/report.html").contains("<h2 id=\"frontier\">"));
    assert!(server.get("/virtual/sweep.csv").contains("\r\n\r\nengine,strategy,"));
    assert!(server.get("/virtual/frontier.png").contains("content-type: image/png"));
    // What the report links to: a run's log, and its store through a link that stays inside.
    let report = server.get("/deep/real/report.html");
    assert!(report.contains("href=\"./runs/cat-50ms-r1/log.txt\""), "{report}");
    assert!(server.get("/deep/real/runs/cat-50ms-r1/log.txt").contains("This run is not ok (crashed): "));
    assert!(server.get("/deep/real/runs/cat-200ms-r1/store/latest/results.edn").contains(":valid?"));
    assert!(server.get("/deep/real/runs").contains("<a href=\"./runs/cat-50ms-r1/\">"));
    let drawing = server.get("/virtual/frontier.svg");
    assert!(drawing.contains("content-security-policy: default-src 'none'") && drawing.contains("sandbox"));

    for path in
        ["/../secret.txt", "/%2e%2e/secret.txt", "/virtual/..%2f..%2fsecret.txt", "/link.txt", "/nothing"]
    {
        let answer = server.get(path);
        assert!(status(&answer) == 404 && !answer.contains("\r\n\r\nsecret"), "{path}: {answer}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(status(&server.request(method, "/", "localhost")), 405, "{method}");
    }
    let head = server.request("HEAD", "/", "localhost");
    assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
    // A page elsewhere that gives this machine a name of its own learns nothing.
    assert_eq!(status(&server.request("GET", "/", "evil.example:80")), 403);
    // Whatever is sent, the next request is answered.
    for garbage in ["\r\n\r\n", "GET\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        server.raw(garbage);
    }
    assert_eq!(status(&server.get("/")), 200);
}

#[test]
fn a_running_sweep_shows_its_progress() {
    let place = Place::new();
    fs::create_dir(place.path("all")).unwrap();
    let server = Server::start(&place.path("all"));
    assert!(server.get("/").contains("There is no sweep here yet"));
    let mut sweep =
        place.sweep(&["--batch-timeouts", "50,100", "--repetitions", "1", "--out", "all/live", "-q"]);
    // The first run ends at once, the second never does.
    sweep.env("FAKE_100", "hang").env("FAKE_STARTED", place.path("started")).stdout(Stdio::null());
    let mut sweep = sweep.spawn().unwrap();
    let seen = server.wait_for("/", "running: 1 of 2 runs");
    assert!(seen.contains("<progress value=\"1\" max=\"2\">"), "{seen}");
    // The report is written a moment after the row.
    let report = server.wait_for("/live/report.html", "running: 1 of 2 runs");
    assert!(report.contains("http-equiv=\"refresh\""), "{report}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&sweep), rustix::process::Signal::INT)
        .unwrap();
    sweep.wait().unwrap();
    let index = server.get("/");
    assert!(index.contains("1 run: 1 ok, 1 not run yet"), "{index}");
    assert!(!server.get("/live/report.html").contains("http-equiv=\"refresh\""));
}

#[test]
fn an_address_or_folder_that_cannot_be_served_is_named() {
    let place = Place::new();
    let serve = |args: &[&str]| {
        let output = place.bench(&[&["serve"], args].concat()).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    let (code, said) = serve(&["nowhere"]);
    assert!(code == Some(2) && said.contains("nowhere is not a folder"), "{said}");
    assert_eq!(serve(&["--bind", "here"]).0, Some(2));
    let server = Server::start(place.0.path());
    let (code, said) = serve(&["--bind", &format!("127.0.0.1:{}", server.port)]);
    assert!(code == Some(1) && said.contains("choose another port with --bind"), "{said}");
}

#[test]
fn a_browser_shows_the_list_and_a_report_without_complaint() {
    let Some(chromium) = chromium() else {
        eprintln!("skipped: there is no Chromium on PATH");
        return;
    };
    let place = served();
    let server = Server::start(&place.path("all"));
    for (path, part) in [
        ("/", "<h1>Sweeps in "),
        ("/virtual/report.html", "data-ready"),
        ("/deep/real/report.html", "data-ready"),
        ("/virtual/frontier.svg", "<svg"),
    ] {
        let (document, console) = opened(&chromium, &format!("http://127.0.0.1:{}{path}", server.port));
        assert_eq!(console, Vec::<String>::new(), "{path}");
        assert!(document.contains(part), "{path}: {document}");
    }
}
