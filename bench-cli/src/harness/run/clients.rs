//! Clients on the network: one request at a time, time-outs, and late replies.

use std::time::Duration;

use node::Time;

use super::{INIT_TIMEOUT, Phase, RPC_TIMEOUT, Run, SetupError, Undeliverable};
use crate::harness::address::{Address, ClientId, NodeId};
use crate::harness::payload::{Payload, Request, Response, Rpc};

/// A client on the network.
#[derive(Debug)]
pub(super) struct Client {
    owner: Owner,
    is_open: bool,
    next_msg_id: u64,
    waiting_for: Option<Call>,
    /// Messages that arrived while it waited for none.
    unread: u64,
}

/// A request without a reply so far.
#[derive(Clone, Copy, Debug)]
struct Call {
    msg_id: u64,
    rpc: Rpc,
}

/// The time-out of such a request.
fn timeout_of(rpc: Rpc) -> Duration {
    if rpc == Rpc::Init { INIT_TIMEOUT } else { RPC_TIMEOUT }
}

/// The purpose of a client's requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// The set-up of one node.
    Init(NodeId),
    /// The set-up of the workload on one node.
    Setup(NodeId),
    /// The set-up of one node that was killed.
    Restart(NodeId),
    /// A thread of operations.
    Thread(usize),
}

/// The time-out of a request.
#[derive(Debug)]
pub(super) struct Timeout {
    at: Time,
    client: ClientId,
    msg_id: u64,
}

impl<P: Payload> Run<P> {
    pub(super) fn open_client(&mut self, owner: Owner) -> ClientId {
        self.clients.push(Client { owner, is_open: true, next_msg_id: 1, waiting_for: None, unread: 0 });
        ClientId(self.clients.len() as u32 - 1)
    }

    pub(super) fn close_client(&mut self, client: ClientId) {
        self.clients[client.0 as usize].is_open = false;
    }

    /// Sends a request and waits for its reply. Inlined where the kind of request is known.
    #[inline(always)]
    pub(super) fn call(&mut self, now: Time, client: ClientId, node: NodeId, request: &Request<'_>) {
        let caller = &mut self.clients[client.0 as usize];
        let msg_id = caller.next_msg_id;
        caller.next_msg_id += 1;
        let rpc = request.rpc();
        caller.waiting_for = Some(Call { msg_id, rpc });
        // While it waits, the client reads and drops earlier late replies.
        let unread = std::mem::take(&mut caller.unread);
        self.network.count_received_by_client(unread);
        self.network.send(now, Address::Client(client), node, P::request(request, msg_id));
        self.add_timeout(Timeout { at: now + timeout_of(rpc), client, msg_id });
    }

    /// Adds a time-out in the order of time.
    #[inline]
    fn add_timeout(&mut self, timeout: Timeout) {
        match self.timeouts.back() {
            // Requests of the set-up have a longer one than those after it.
            Some(last) if timeout.at < last.at => {
                let place = self.timeouts.partition_point(|other| other.at <= timeout.at);
                self.timeouts.insert(place, timeout);
            }
            _ => self.timeouts.push_back(timeout),
        }
    }

    /// When the next request expires, or [`Time::NEVER`]. Forgets requests that have been answered. If the
    /// time is after `horizon`, the request may be one of those.
    pub(super) fn next_expiry(&mut self, horizon: Time) -> Time {
        while let Some(timeout) = self.timeouts.front() {
            if timeout.at > horizon || self.is_waiting(timeout) {
                return timeout.at;
            }
            self.timeouts.pop_front();
        }
        Time::NEVER
    }

    fn is_waiting(&self, timeout: &Timeout) -> bool {
        let call = self.clients[timeout.client.0 as usize].waiting_for;
        call.is_some_and(|call| call.msg_id == timeout.msg_id)
    }

    /// Fails the requests that have timed out.
    pub(super) fn expire(&mut self, now: Time) {
        while self.next_expiry(now) <= now {
            let Some(timeout) = self.timeouts.pop_front() else { return };
            let client = &mut self.clients[timeout.client.0 as usize];
            let owner = client.owner;
            let Some(call) = client.waiting_for.take() else { continue };
            match owner {
                Owner::Init(node) | Owner::Setup(node) => self.fail(SetupError::Silent {
                    node: self.names[node.index()].clone(),
                    rpc: call.rpc.name(),
                    article: if call.rpc == Rpc::Init { "an" } else { "a" },
                    timeout: timeout_of(call.rpc),
                }),
                Owner::Restart(node) => self.handle_restart_answer(now, node, timeout.client, false),
                Owner::Thread(thread) => self.complete_timeout(now, thread),
            }
        }
    }

    pub(super) fn deliver_to_client(
        &mut self,
        now: Time,
        src: Address,
        dest: ClientId,
        payload: P,
    ) -> Result<(), Undeliverable> {
        let client = self.clients.get_mut(dest.0 as usize).filter(|client| client.is_open);
        let client = client.ok_or(Undeliverable(dest))?;
        let owner = client.owner;
        let Some(call) = client.waiting_for else {
            client.unread += 1;
            self.network.count_sent_to_client(src, dest);
            return Ok(());
        };
        let is_answer = payload.in_reply_to() == Some(call.msg_id);
        if is_answer {
            client.waiting_for = None;
        }
        self.network.count_sent_to_client(src, dest);
        self.network.count_received_by_client(1);
        if !is_answer {
            return Ok(());
        }
        let response = payload.response(call.rpc);
        match owner {
            Owner::Init(node) => self.set_up(now, node, call.rpc, &response, Some(dest)),
            Owner::Setup(node) => self.set_up(now, node, call.rpc, &response, None),
            Owner::Restart(node) => {
                let is_ok = matches!(response, Response::Done);
                self.handle_restart_answer(now, node, dest, is_ok);
            }
            Owner::Thread(thread) => self.complete(now, thread, call.msg_id, response),
        }
        Ok(())
    }

    /// Handles a reply during set-up.
    fn set_up(
        &mut self,
        now: Time,
        node: NodeId,
        rpc: Rpc,
        response: &Response,
        done_with: Option<ClientId>,
    ) {
        let answer = match response {
            Response::Done | Response::Values(_) => None,
            Response::Error { code, text } => {
                let code = code.map_or("no code".to_owned(), |code| format!("code {code}"));
                Some(format!("an error ({code}): {text}"))
            }
            Response::Malformed(malformed) => {
                Some(format!("{}, which is malformed: {}", malformed.body, malformed.errors))
            }
        };
        if let Some(answer) = answer {
            let node = self.names[node.index()].clone();
            return self.fail(SetupError::Refused { node, rpc: rpc.name(), answer });
        }
        if let Some(client) = done_with {
            self.close_client(client);
        }
        match &mut self.phase {
            Phase::Init(1) => self.begin_topology(now),
            Phase::Topology(1) => self.phase = Phase::Main,
            Phase::Init(left) | Phase::Topology(left) => *left -= 1,
            _ => {}
        }
    }
}
