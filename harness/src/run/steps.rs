//! Carrying out one step: a call, a look until the expected value is there, or something done to a background call.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::calls;
use super::names::{Endpoint, Names};
use super::{STEP_LIMIT, ns};
use crate::case::address::AddressExpr;
use crate::case::args::ArgValue;
use crate::case::expected::{Expected, Want};
use crate::case::step::Step;
use crate::case::trial::{Trial, TrialStep};
use crate::case::verbs::Class;
use crate::host::call::{Action, Address, Call, Choice, Completion, Family, Kind, Mode, Name};
use crate::host::link::Session;
use crate::host::{CallId, Host, HostFault, Look, Progress, Seen, Until};
use crate::outcome::{Outcome, TcpState};
use crate::record::{End, Sample, StepRecord};
use crate::wire::{Cable, PacketRecord, Side};

/// How long a call of which nobody knows whether it blocks is waited for.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(1);
/// Two equal looks at this distance settle a value of which nothing is expected.
const SETTLED: Duration = Duration::from_millis(50);
/// Longest payload that a record keeps whole, in bytes.
const KEPT: usize = 1024;
/// The pause between two looks grows from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(2);
/// What has been waited for so many times as long as the pause may wait a little longer: hours are not looked at every
/// few milliseconds.
const FINENESS: u32 = 200;

pub(super) struct Runner<'a> {
    trial: &'a Trial,
    session: Session,
    begin: Instant,
    names: Names,
    calls: BTreeMap<Name, Background>,
    /// When each step began, and how late the machine had been by then.
    began: Vec<(u64, u64)>,
    /// The most by which the clock of kernel timers was behind when a step began, in ns.
    behind: u64,
}

/// A background call.
struct Background {
    id: CallId,
    side: Side,
    call: Call,
    /// When it was started.
    begin: u64,
    done: Option<Completion>,
}

/// What a step came to, before it is written down.
pub(super) struct Came {
    call: Option<Call>,
    completion: Option<Completion>,
    pub(super) seen: Vec<Sample>,
    outcome: Option<Outcome>,
    end: End,
    note: Option<String>,
    pub(super) late: u64,
}

impl Came {
    /// Something that is no call.
    pub(super) fn of_look(outcome: Outcome, end: End) -> Self {
        let outcome = Some(outcome);
        Self { call: None, completion: None, seen: Vec::new(), outcome, end, note: None, late: 0 }
    }

    /// Keeps large payloads out of the record. Where a case expects the very bytes they stay, to be judged again; else
    /// their number is what can be judged.
    fn shorten(&mut self, want: &Expected) {
        if let Some(Call { action: Action::Send { data, .. }, .. }) = &mut self.call {
            data.0.truncate(KEPT);
            data.0.shrink_to_fit();
        }
        let verbatim = want.wants().iter().any(|want| match want {
            Want::Message { of, .. } => matches!(**of, Want::Data(_)),
            want => matches!(want, Want::Data(_)),
        });
        let outcomes =
            self.outcome.iter_mut().chain(self.completion.iter_mut().map(|done| &mut done.outcome));
        for outcome in outcomes.filter(|_| !verbatim) {
            let outcome = match outcome {
                Outcome::Message { of, .. } => of,
                outcome => outcome,
            };
            if let Outcome::Data(data) = outcome
                && data.0.len() > KEPT
            {
                *outcome = Outcome::Bytes(data.0.len() as u64);
            }
        }
    }

    fn of_call(call: Call, completion: Completion, end: End) -> Self {
        let outcome = Some(completion.outcome.clone());
        let late = completion.late;
        let note =
            completion.moved.as_ref().map(|moved| format!("interrupted while it waited for more: {moved}"));
        Self { call: Some(call), completion: Some(completion), seen: Vec::new(), outcome, end, note, late }
    }
}

impl<'a> Runner<'a> {
    pub(super) fn new(trial: &'a Trial, session: Session, begin: Instant) -> Self {
        let far = session.cable.as_ref().map(|cable| cable.addresses(Side::Server));
        Self {
            trial,
            session,
            begin,
            names: Names::new(trial.family, far),
            calls: BTreeMap::new(),
            began: Vec::new(),
            behind: 0,
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    /// The address family of the trial.
    pub(super) fn family(&self) -> Family {
        self.trial.family
    }

    /// Whether the far end of the wire has sockets.
    pub(super) fn has_server(&self) -> bool {
        self.session.server.is_some()
    }

    pub(super) fn cable(&self) -> Result<Arc<Cable>, HostFault> {
        self.session.cable.clone().ok_or_else(|| HostFault::new("this link is no wire"))
    }

    /// The address that words mean for a socket.
    pub(super) fn resolve_address(&mut self, expr: &AddressExpr, socket: &str) -> Result<Address, HostFault> {
        let side = self.names.get(socket).side;
        self.names.resolve(expr, socket, host_of(&mut self.session, side)?)
    }

    /// The host that a socket is on; one that is made now says where.
    fn side(&self, step: &Step) -> Side {
        let makes = matches!(step.verb.name, "socket" | "descriptor");
        match step.word("at") {
            Some("server") if makes && self.session.server.is_some() => Side::Server,
            _ => self.names.get(&step.subject).side,
        }
    }

    /// ns since the trial began.
    pub(super) fn now(&self) -> u64 {
        ns(self.begin.elapsed())
    }

    /// Begins to measure how late the machine is.
    pub(super) fn watch_lateness(&mut self) {
        self.session.client.lateness();
    }

    pub(super) fn behind(&self) -> u64 {
        self.behind
    }

    /// How much of the trial's deadline is left.
    pub(super) fn remaining(&self) -> Duration {
        self.trial.case.deadline.saturating_sub(self.begin.elapsed())
    }

    /// Ends what still goes on.
    pub(super) fn end(mut self) -> Vec<PacketRecord> {
        for call in std::mem::take(&mut self.calls).into_values().filter(|call| call.done.is_none()) {
            // The trial is over; a call that cannot be ended costs no more than its thread.
            let _ = host_of(&mut self.session, call.side).and_then(|host| host.cancel(call.id));
        }
        self.session.cable.as_ref().map(|cable| cable.take_log()).unwrap_or_default()
    }

    pub(super) fn step(&mut self, index: usize) -> Result<StepRecord, HostFault> {
        let step = &self.trial.steps[index];
        self.behind = self.behind.max(self.session.client.behind());
        let begin = self.now();
        self.began.push((begin, self.session.client.late_so_far()));
        let of_call = self.calls.get(&step.step.subject).map(|call| call.begin);
        if let Some(cable) = &self.session.cable {
            cable.with(|traffic| traffic.set_step(index));
        }
        let came = match step.step.verb.class {
            Class::Wire => self.wire(step)?,
            Class::Background if step.step.verb.name == "interrupt" => self.interrupt(&step.step)?,
            Class::Background => self.finish(step)?,
            Class::Look if step.step.arg("timeout").is_none() => self.look(step)?,
            Class::Call | Class::Look | Class::Macro => self.call(step)?,
        };
        let mut came = came;
        came.shorten(&step.expectation.want);
        let finish = self.now();
        let mut late = came.late;
        if step.expectation.may_be_late() {
            // Of a background call, and of segments, what is timed began before.
            let timed = came.seen.first().map(|first| first.at).filter(|_| step.expectation.gaps.is_some());
            late += self.late_since(self.labelled(&step.step).or(timed).or(of_call).unwrap_or(begin));
        }
        Ok(StepRecord {
            step: index,
            call: came.call,
            completion: came.completion,
            seen: came.seen,
            outcome: came.outcome,
            end: came.end,
            note: came.note,
            late,
            begin,
            finish,
        })
    }

    /// When the step began whose label a step's time is counted from.
    fn labelled(&self, step: &Step) -> Option<u64> {
        let label = step.since.as_deref()?;
        let at = self.trial.steps.iter().position(|step| step.step.label.as_deref() == Some(label))?;
        self.began.get(at).map(|(begin, _)| *begin)
    }

    /// How late the machine was since then: what it was before is no excuse.
    fn late_since(&mut self, from: u64) -> u64 {
        let before = self.began.iter().rev().find(|(begin, _)| *begin <= from).map_or(0, |(_, late)| *late);
        self.session.client.lateness().saturating_sub(before)
    }

    /// How long the step may wait.
    pub(super) fn limit(&self, step: &Step) -> Duration {
        let own = match step.arg("timeout") {
            Some(ArgValue::Duration(timeout)) => *timeout + STEP_LIMIT,
            _ => step.within.unwrap_or(STEP_LIMIT),
        };
        own.min(self.remaining())
    }

    fn call(&mut self, step: &TrialStep) -> Result<Came, HostFault> {
        let side = self.side(&step.step);
        let host = host_of(&mut self.session, side)?;
        let call = calls::call(&step.step, &self.names, host)?;
        let limit = self.limit(&step.step);
        if let Some(name) = &step.step.background {
            let asked = step.step.layer.want.is_some();
            return self.background(name, call, limit, (side, asked));
        }
        let host = host_of(&mut self.session, side)?;
        let unknown = step.expectation.want == Expected::Unknown;
        if !step.expectation.want.may_block() && !unknown {
            let mut completion = host.run(&call, limit)?;
            let interrupted = completion.outcome == Outcome::Blocks;
            self.note_names(&call, &mut completion, side)?;
            return Ok(Came::of_call(call, completion, if interrupted { End::Limit } else { End::Done }));
        }
        let id = host.start(&call)?;
        let limit = if unknown { limit.min(UNKNOWN_LIMIT) } else { limit };
        let progress =
            if unknown { host.wait(id, Until::Done, limit)? } else { self.settled(id, side, limit)? };
        let (mut completion, asleep) = match progress {
            Progress::Done(completion) => (*completion, false),
            Progress::Asleep | Progress::Running => (host_of(&mut self.session, side)?.cancel(id)?, true),
        };
        self.note_names(&call, &mut completion, side)?;
        let mut came = Came::of_call(call, completion, End::Done);
        if asleep && came.note.is_none() {
            came.note = self.sleep_note(if unknown { Some(limit) } else { None });
        }
        Ok(came)
    }

    /// Waits until a call is over, or blocks: it sleeps, and nothing is under way that could wake it. What sleeps for a
    /// packet on the wire has not blocked yet.
    fn settled(&mut self, id: CallId, side: Side, limit: Duration) -> Result<Progress, HostFault> {
        let end = Instant::now() + limit;
        let mut is_quiet = self.session.cable.is_none();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match host_of(&mut self.session, side)?.wait(id, Until::Asleep, left)? {
                Progress::Asleep if !is_quiet && !left.is_zero() => is_quiet = self.is_quiet()?,
                Progress::Asleep if !is_quiet => {
                    return Err(HostFault::new(format!(
                        "packets went over the wire for {limit:?} without a pause"
                    )));
                }
                Progress::Running => {
                    return Err(HostFault::new(format!(
                        "the call was neither over nor seen asleep within {limit:?}"
                    )));
                }
                progress => return Ok(progress),
            }
        }
    }

    /// Whether nothing was on its way over the cable, and nothing has come of what had just arrived.
    fn is_quiet(&self) -> Result<bool, HostFault> {
        let cable = self.cable()?;
        let before = cable.with(|traffic| traffic.log().len());
        self.flush(&cable)?;
        Ok(cable.with(|traffic| traffic.log().len()) == before)
    }

    /// What a reader should know of how a sleep was shown.
    fn sleep_note(&self, waited: Option<Duration>) -> Option<String> {
        if let Some(waited) = waited {
            return Some(format!("not over after {waited:?}, and interrupted then"));
        }
        let shown = self.session.client.platform().offers.contains("sleep of a call");
        (!shown).then(|| {
            "this platform does not show that a call sleeps; it was not over after a fixed time".to_owned()
        })
    }

    fn background(
        &mut self,
        name: &str,
        call: Call,
        limit: Duration,
        (side, asked): (Side, bool),
    ) -> Result<Came, HostFault> {
        let begin = self.now();
        let host = host_of(&mut self.session, side)?;
        let id = host.start(&call)?;
        let progress =
            if asked { self.settled(id, side, limit)? } else { host.wait(id, Until::Asleep, limit)? };
        let (done, end) = match progress {
            Progress::Done(completion) => (Some(*completion), End::Done),
            Progress::Asleep => (None, End::Asleep),
            Progress::Running => (None, End::Limit),
        };
        if done.is_none()
            && let Action::Connect { to: Address::Is(to), .. } = &call.action
        {
            self.note_destination(&call.socket, *to)?;
        }
        let note = (end == End::Asleep).then(|| self.sleep_note(None)).flatten();
        // The call has no outcome yet, whatever became of it: `finish` tells. Asked whether it sleeps, it has that one.
        let outcome = match &done {
            _ if !asked => None,
            Some(completion) => Some(completion.outcome.clone()),
            None => Some(Outcome::Blocks),
        };
        self.calls.insert(name.to_owned(), Background { id, side, call: call.clone(), begin, done });
        let end = if end == End::Limit { End::Settled } else { end };
        Ok(Came { call: Some(call), completion: None, seen: Vec::new(), outcome, end, note, late: 0 })
    }

    /// A connect under way has a local address already, by which its state is looked up.
    fn note_destination(&mut self, socket: &str, to: SocketAddr) -> Result<(), HostFault> {
        let mut endpoint = self.names.get(socket);
        endpoint.local = self.ask(socket, endpoint.side, Action::LocalName)?.or(endpoint.local);
        endpoint.peer = Some(to);
        self.names.set(socket, endpoint);
        Ok(())
    }

    /// The address that a socket tells when it is asked for one of its names.
    fn ask(&mut self, socket: &str, side: Side, action: Action) -> Result<Option<SocketAddr>, HostFault> {
        let call = Call { socket: socket.to_owned(), action, mode: Mode::Blocking };
        let completion = host_of(&mut self.session, side)?.run(&call, STEP_LIMIT)?;
        Ok(match completion.outcome {
            Outcome::Address(seen) => Some(seen.address),
            _ => None,
        })
    }

    fn finish(&mut self, step: &TrialStep) -> Result<Came, HostFault> {
        let Some(background) = self.calls.remove(&step.step.subject) else {
            return Err(HostFault::new(format!("there is no call `{}`", step.step.subject)));
        };
        let Background { id, side, call, done, .. } = background;
        let want = &step.expectation.want;
        let unknown = *want == Expected::Unknown;
        let limit = if unknown { UNKNOWN_LIMIT.min(self.remaining()) } else { self.limit(&step.step) };
        let mut end = End::Done;
        let mut note = None;
        let mut completion = match done {
            Some(completion) => completion,
            None => {
                let progress = match want.may_block() {
                    true => self.settled(id, side, limit)?,
                    false => host_of(&mut self.session, side)?.wait(id, Until::Done, limit)?,
                };
                match progress {
                    Progress::Done(completion) => *completion,
                    Progress::Asleep | Progress::Running => {
                        if want.may_block() || unknown {
                            note = self.sleep_note(unknown.then_some(limit));
                        } else {
                            end = End::Limit;
                        }
                        host_of(&mut self.session, side)?.cancel(id)?
                    }
                }
            }
        };
        self.note_names(&call, &mut completion, side)?;
        let mut came = Came::of_call(call, completion, end);
        came.note = came.note.or(note);
        Ok(came)
    }

    fn interrupt(&mut self, step: &Step) -> Result<Came, HostFault> {
        let Some(background) = self.calls.get(&step.subject) else {
            return Err(HostFault::new(format!("there is no call `{}`", step.subject)));
        };
        if background.done.is_none() {
            let (id, side) = (background.id, background.side);
            host_of(&mut self.session, side)?
                .interrupt(id, step.arg("restart") == Some(&ArgValue::Bool(true)))?;
        }
        let outcome = Some(Outcome::Ok);
        Ok(Came {
            call: None,
            completion: None,
            seen: Vec::new(),
            outcome,
            end: End::Done,
            note: None,
            late: 0,
        })
    }

    /// Looks until the expected value is there, cannot come any more, or the limit runs out.
    fn look(&mut self, step: &TrialStep) -> Result<Came, HostFault> {
        if self.is_out_of_sight(step) {
            let note =
                "left out: this platform does not show the state of a connection that has no socket (any more)"
                    .to_owned();
            let (call, completion, seen) = (None, None, Vec::new());
            return Ok(Came {
                call,
                completion,
                seen,
                outcome: None,
                end: End::Settled,
                note: Some(note),
                late: 0,
            });
        }
        let limit = self.limit(&step.step);
        let want = &step.expectation.want;
        let began = Instant::now();
        let mut seen: Vec<Sample> = Vec::new();
        let mut pause = FIRST_PAUSE;
        let mut settled_since = began;
        let (outcome, completion, call, end) = loop {
            let (value, call, completion) = self.look_once(&step.step)?;
            let at = self.now();
            let changed = seen.last().is_none_or(|last| last.value != value);
            if changed {
                seen.push(Sample { at, value: value.clone() });
                settled_since = Instant::now();
            }
            let is_settled = settled_since.elapsed() >= SETTLED;
            let end = if *want == Expected::Unknown {
                is_settled.then_some(End::Settled)
            } else if want.accepts(&value) || step.step.now {
                Some(End::Done)
            } else {
                (is_settled && self.cannot_come(step, &value)).then_some(End::CannotCome)
            };
            if let Some(end) = end.or((began.elapsed() >= limit).then_some(End::Limit)) {
                break (value, completion, call, end);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE.max(began.elapsed() / FINENESS));
        };
        let seen = if seen.len() > 1 { seen } else { Vec::new() };
        Ok(Came { call, completion, seen, outcome: Some(outcome), end, note: None, late: 0 })
    }

    /// Whether a state is asked for that this platform cannot show: of a connection without a socket, or TIME_WAIT, in
    /// which a socket may be closed to the program though the program still has it.
    fn is_out_of_sight(&self, step: &TrialStep) -> bool {
        let wants = step.expectation.want.wants();
        let offers = &self.session.client.platform().offers;
        let waits = wants.contains(&Want::State(TcpState::TimeWait))
            && !offers.contains("state of sockets in TIME_WAIT");
        step.step.verb.name == "state"
            && !offers.contains("state of closed connections")
            && (waits || self.names.get(&step.step.subject).without_socket)
    }

    /// A connection that is gone does not come back, unless a connect is still under way.
    fn cannot_come(&self, step: &TrialStep, value: &Outcome) -> bool {
        let gone = *value == Outcome::State(TcpState::Closed);
        let endpoint = self.names.get(&step.step.subject);
        let connecting = self.calls.values().any(|call| matches!(call.call.action, Action::Connect { .. }));
        gone && endpoint.peer.is_some() && !connecting
    }

    fn look_once(&mut self, step: &Step) -> Result<(Outcome, Option<Call>, Option<Completion>), HostFault> {
        let socket = step.subject.clone();
        let look = match step.verb.name {
            "ready" => {
                let side = self.names.get(&socket).side;
                let host = host_of(&mut self.session, side)?;
                let call = calls::call(step, &self.names, host)?;
                let completion = host.run(&call, STEP_LIMIT)?;
                return Ok((completion.outcome.clone(), Some(call), Some(completion)));
            }
            "queued" if step.word("direction") == Some("unsent") => Look::Unsent { socket },
            "queued" => Look::Received { socket },
            "path" => {
                let endpoint = self.names.get(&socket);
                Look::Path { socket, local: endpoint.local, peer: endpoint.peer }
            }
            _ => {
                let endpoint = self.names.get(&socket);
                Look::State { socket, local: endpoint.local, peer: endpoint.peer }
            }
        };
        let side = self.names.get(&step.subject).side;
        let outcome = match host_of(&mut self.session, side)?.observe(&look)? {
            Seen::State(state) => Outcome::State(state),
            Seen::Path(states) => Outcome::Path(states),
            Seen::Count(n) => Outcome::Bytes(n),
            Seen::Port(port) => Outcome::Value(i64::from(port)),
        };
        Ok((outcome, None, None))
    }

    /// Takes note of the addresses that a call gave, and names those that it told.
    fn note_names(&mut self, call: &Call, completion: &mut Completion, side: Side) -> Result<(), HostFault> {
        let mut endpoint = Endpoint { side, ..self.names.get(&call.socket) };
        match &call.action {
            Action::Socket { family, kind, .. } => {
                if let Choice::Known(family) = family {
                    endpoint.family = *family;
                }
                if let Choice::Known(kind) = kind {
                    endpoint.kind = *kind;
                }
            }
            Action::Accept { new, .. } if completion.outcome == Outcome::Ok => {
                let accepted = Endpoint {
                    local: completion.local,
                    peer: completion.peer,
                    kind: Kind::Stream,
                    ..endpoint
                };
                self.names.set(new, accepted);
                return Ok(());
            }
            Action::Dup { new } => {
                if completion.outcome == Outcome::Ok {
                    self.names.set(new, endpoint);
                }
                return Ok(());
            }
            Action::Connect { .. } => {
                if completion.outcome == Outcome::Ok
                    && completion.peer.is_some_and(|peer| peer.ip().is_unspecified())
                {
                    // The wildcard is no address of a peer: the system has chosen one.
                    completion.peer = self.ask(&call.socket, side, Action::PeerName)?.or(completion.peer);
                }
                endpoint.local = completion.local.or(endpoint.local);
                if began(&completion.outcome) {
                    endpoint.peer = completion.peer.or(endpoint.peer);
                }
            }
            // The first datagram gives its socket an address.
            Action::Send { to: Some(_), .. } if endpoint.local.is_none() => {
                endpoint.local = self.ask(&call.socket, side, Action::LocalName)?;
            }
            Action::Bind { .. } | Action::Listen { .. } => {
                endpoint.local = completion.local.or(endpoint.local);
            }
            Action::Close | Action::Abort => endpoint.without_socket |= completion.outcome == Outcome::Ok,
            Action::Fill => {
                if let Outcome::Bytes(_) = completion.outcome {
                    completion.outcome = Outcome::Ok;
                }
            }
            Action::LocalName | Action::PeerName => {
                if let Outcome::Address(seen) = &mut completion.outcome {
                    seen.names = self.names.names_of(seen.address, host_of(&mut self.session, side)?);
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.names.set(&call.socket, endpoint);
        Ok(())
    }
}

/// Whether a connect has sent a SYN, whatever became of it. One that was refused by the socket itself leaves an earlier
/// connection as it was.
fn began(outcome: &Outcome) -> bool {
    const REFUSED_BY_THE_SOCKET: [&str; 9] = [
        "EALREADY",
        "EISCONN",
        "EOPNOTSUPP",
        "EINVAL",
        "EBADF",
        "ENOTSOCK",
        "EFAULT",
        "EAFNOSUPPORT",
        "EADDRNOTAVAIL",
    ];
    !matches!(outcome, Outcome::Error(name) if REFUSED_BY_THE_SOCKET.contains(&name.as_str()))
}

/// The host of one side. On loopback, and where the far end has no socket, there is one.
fn host_of(session: &mut Session, side: Side) -> Result<&mut dyn Host, HostFault> {
    match (side, &mut session.server) {
        (Side::Client, _) => Ok(session.client.as_mut()),
        (Side::Server, Some(server)) => Ok(server.as_mut()),
        (Side::Server, None) => Err(HostFault::new("the far end has no sockets")),
    }
}
