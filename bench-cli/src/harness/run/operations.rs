//! Operations: their invocation, their completion, and the steps from one phase to the next.

use node::Time;

use super::clients::Owner;
use super::{Phase, RECOVERY, Run};
use crate::edn::Value;
use crate::harness::address::{ClientId, NodeId};
use crate::harness::generator::Step;
use crate::harness::history::{Element, Event, Failure, Function, Kind, OpValue, Process, ReadValue};
use crate::harness::payload::{Item, Malformed, Payload, Request, Response, Values, error_meaning};

/// A thread that performs one operation at a time, on one node.
#[derive(Debug)]
pub(super) struct Thread {
    node: NodeId,
    process: u32,
    /// The client, and the process that it was opened for.
    client: Option<(ClientId, u32)>,
    /// The invocation that has not completed.
    pending: Option<u32>,
}

impl Thread {
    /// The thread of this number, among `nodes` nodes.
    pub(super) fn new(number: usize, nodes: usize) -> Thread {
        let node = NodeId((number % nodes) as u32);
        Thread { node, process: number as u32, client: None, pending: None }
    }
}

impl<P: Payload> Run<P> {
    /// Does everything that is due now.
    pub(super) fn advance(&mut self, now: Time) {
        loop {
            self.wake = Time::NEVER;
            match self.phase {
                Phase::Init(_) | Phase::Topology(_) | Phase::Done | Phase::Failed(_) => return,
                Phase::Main => {
                    if !self.operate(now) {
                        return;
                    }
                    self.phase = Phase::Draining;
                }
                Phase::Draining => {
                    let is_busy = self.free_threads < self.threads.len() || !self.nemesis.is_free();
                    if is_busy || self.must_sleep(now) || !self.end_faults(now) {
                        return;
                    }
                    self.phase = Phase::Recovery(now + RECOVERY);
                }
                Phase::Recovery(until) if now < until => {
                    self.wake = until;
                    return;
                }
                Phase::Recovery(_) => {
                    self.phase = Phase::FinalReads;
                    self.read_everywhere(now);
                }
                Phase::FinalReads => {
                    if self.free_threads < self.threads.len() {
                        return;
                    }
                    self.phase = Phase::Done;
                }
            }
        }
    }

    /// Whether the run must still wait for its time limit, which it does if it has no operations.
    fn must_sleep(&mut self, now: Time) -> bool {
        if self.generator.has_operations() {
            return false;
        }
        let end = self.generator.start_limit(now);
        let must_sleep = now < end;
        if must_sleep {
            self.wake = end;
        }
        must_sleep
    }

    /// Performs the generator's steps that are due. Returns whether the generator is exhausted.
    fn operate(&mut self, now: Time) -> bool {
        if !self.generator.has_operations() {
            self.generator.start_limit(now);
        }
        loop {
            match self.generator.step(now, self.free_threads > 0, self.nemesis.is_free()) {
                Step::Broadcast(value) => self.invoke(now, Some(value)),
                Step::Read => self.invoke(now, None),
                Step::Wait(until) => {
                    self.wake = until;
                    return false;
                }
                Step::Blocked => return false,
                Step::Exhausted => return true,
                fault => self.inject(now, fault),
            }
        }
    }

    /// Starts a broadcast of the value, or a read, on the next free thread in turn.
    fn invoke(&mut self, now: Time, value: Option<u32>) {
        let from_here = self.next_thread..self.threads.len();
        let mut in_turn = from_here.chain(0..self.next_thread.min(self.threads.len()));
        let thread = in_turn.find(|&thread| self.threads[thread].pending.is_none());
        self.count_turn();
        self.begin(now, thread.expect("an operation is taken only when a thread is free"), value, false);
    }

    /// Advances the turn, which goes round over all clients and the nemesis whichever of them performs an
    /// operation.
    pub(super) fn count_turn(&mut self) {
        let is_nemesis = self.next_thread == self.threads.len();
        self.next_thread = if is_nemesis { 0 } else { self.next_thread + 1 };
    }

    fn begin(&mut self, now: Time, thread: usize, value: Option<u32>, is_final: bool) {
        let client = self.client_of(thread);
        let (function, op_value) = match value {
            Some(value) => (Function::Broadcast, OpValue::Element(self.history.int(i64::from(value)))),
            None => (Function::Read, OpValue::Nil),
        };
        let index = self.history.next_index();
        let time = self.relative(now);
        let thread = &mut self.threads[thread];
        thread.pending = Some(index);
        let node = thread.node;
        self.history.push(Event {
            time,
            process: Process::Client(thread.process),
            kind: Kind::Invoke,
            function,
            value: op_value,
            is_final,
            failure: None,
            invocation: index,
        });
        self.free_threads -= 1;
        let request = value.map_or(Request::Read, Request::Broadcast);
        self.call(now, client, node, &request);
    }

    /// The thread's client. Opens a new one for a new process.
    fn client_of(&mut self, thread: usize) -> ClientId {
        let Thread { process, client, .. } = self.threads[thread];
        match client {
            Some((client, opened_for)) if opened_for == process => return client,
            Some((client, _)) => self.close_client(client),
            None => {}
        }
        let client = self.open_client(Owner::Thread(thread));
        self.threads[thread].client = Some((client, process));
        client
    }

    fn read_everywhere(&mut self, now: Time) {
        let mut order: Vec<usize> = (0..self.threads.len()).collect();
        self.generator.nemesis_rng().shuffle(&mut order);
        for thread in order {
            self.begin(now, thread, None, true);
        }
    }

    /// Completes an operation with a reply.
    pub(super) fn complete(&mut self, now: Time, thread: usize, msg_id: u64, response: Response) {
        let Some(invocation) = self.threads[thread].pending else { return };
        let value = match response {
            Response::Done => None,
            Response::Values(values) => Some(self.read_value(thread, values)),
            Response::Error { code, text } => {
                let (name, is_definite) = error_meaning(code);
                let kind = failure_kind(self.function_of(invocation), is_definite);
                let error = Value::Vector(vec![Value::keyword(name), text]);
                let failure = Failure { exception: None, error };
                return self.fail_operation(now, thread, invocation, kind, failure);
            }
            Response::Malformed(malformed) => {
                let failure = self.malformed(thread, invocation, msg_id, *malformed);
                return self.fail_operation(now, thread, invocation, Kind::Info, failure);
            }
        };
        self.end(now, thread, invocation, Kind::Ok, value, None);
    }

    /// Completes an operation that has timed out.
    pub(super) fn complete_timeout(&mut self, now: Time, thread: usize) {
        let Some(invocation) = self.threads[thread].pending else { return };
        let kind = failure_kind(self.function_of(invocation), false);
        let failure = Failure { exception: None, error: Value::keyword("net-timeout") };
        self.fail_operation(now, thread, invocation, kind, failure);
    }

    fn function_of(&self, invocation: u32) -> Function {
        self.history.events()[invocation as usize].function
    }

    #[cold]
    fn fail_operation(&mut self, now: Time, thread: usize, invocation: u32, kind: Kind, failure: Failure) {
        self.end(now, thread, invocation, kind, None, Some(Box::new(failure)));
    }

    /// Completes an operation. Without a `value`, its value stays the one of the invocation.
    ///
    /// Inlined where the kind is known, because nearly every operation succeeds.
    #[inline(always)]
    fn end(
        &mut self,
        now: Time,
        thread: usize,
        invocation: u32,
        kind: Kind,
        value: Option<OpValue>,
        failure: Option<Box<Failure>>,
    ) {
        let invoked = &self.history.events()[invocation as usize];
        let event = Event {
            time: self.relative(now),
            process: invoked.process,
            kind,
            function: invoked.function,
            value: value.unwrap_or_else(|| invoked.value.clone()),
            is_final: invoked.is_final,
            failure,
            invocation,
        };
        self.history.push(event);
        let threads = self.threads.len() as u32;
        let thread = &mut self.threads[thread];
        thread.pending = None;
        if kind == Kind::Info {
            thread.process += threads;
        }
        self.free_threads += 1;
    }

    fn read_value(&mut self, thread: usize, values: Values) -> OpValue {
        match values {
            Values::Recorded(len) => {
                let log = self.log_of(self.threads[thread].node);
                OpValue::Read(ReadValue { log, len })
            }
            Values::Nil => OpValue::Nil,
            Values::Elements(elements) => self.listed(thread, &elements),
            Values::Items(items) => {
                let elements: Vec<Element> = items
                    .iter()
                    .map(|item| match item {
                        Item::Element(element) => *element,
                        Item::Other(text) => self.history.other(text),
                    })
                    .collect();
                self.listed(thread, &elements)
            }
        }
    }

    fn listed(&mut self, thread: usize, elements: &[Element]) -> OpValue {
        let process = Process::Client(self.threads[thread].process);
        OpValue::Read(self.history.add_read(process, elements))
    }

    /// The failure that Maelstrom records for a malformed reply, without the JVM's stack trace.
    fn malformed(&self, thread: usize, invocation: u32, msg_id: u64, malformed: Malformed) -> Failure {
        let Malformed { body, errors } = malformed;
        let Event { function, value: ref invoked, .. } = self.history.events()[invocation as usize];
        let node = &self.names[self.threads[thread].node.index()];
        let mut request = vec![(Value::keyword("type"), Value::Str(function.name().to_owned()))];
        let mut schema = vec![format!(":type (eq \"{}_ok\")", function.name())];
        if let OpValue::Element(element) = invoked {
            request.push((Value::keyword("message"), self.history.edn(*element)));
        } else {
            schema.push(":messages [Any]".to_owned());
        }
        request.push((Value::keyword("msg_id"), Value::Int(msg_id as i64)));
        schema.extend(["{:k :msg_id} Int".to_owned(), ":in_reply_to Int".to_owned()]);
        let message = format!(
            "Malformed RPC response. Maelstrom sent node {node} the following request:\n\n{}\n\n\
             And expected a response of the form:\n\n{{{}}}\n\n... but instead received\n\n{}\n\n\
             This is malformed because:\n\n{}\n\nSee doc/protocol.md for more guidance.",
            Value::Map(request).pretty(),
            schema.join(",\n "),
            body.pretty(),
            errors.pretty(),
        );
        let data = Value::record([("type", Value::keyword("malformed-rpc-response")), ("body", body)]);
        let cause = Value::record([
            ("type", Value::Symbol("clojure.lang.ExceptionInfo".to_owned())),
            ("message", Value::Str(message.clone())),
            ("data", data.clone()),
        ]);
        Failure {
            exception: Some(Value::record([
                ("via", Value::Vector(vec![cause])),
                ("cause", Value::Str(message.clone())),
                ("data", data),
            ])),
            error: Value::Str(format!("indeterminate: {message}")),
        }
    }
}

/// Reads are idempotent, so a failed read counts as not having happened. A broadcast may have happened.
fn failure_kind(function: Function, is_definite: bool) -> Kind {
    if is_definite || function == Function::Read { Kind::Fail } else { Kind::Info }
}
