//! Carrying out one step: a call, a look until the expected value is there, or something done to a background call.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::calls;
use super::names::{Endpoint, Names};
use super::{STEP_LIMIT, ns};
use crate::case::expected::Expected;
use crate::case::step::{ArgValue, Step};
use crate::case::trial::{Trial, TrialStep};
use crate::case::verbs::Class;
use crate::host::call::{Action, Address, Call, Choice, Completion, Kind, Name};
use crate::host::{CallId, Host, HostFault, Look, Progress, Seen, Until};
use crate::outcome::{Outcome, TcpState};
use crate::record::{End, Sample, StepRecord};

/// How long a call of which nobody knows whether it blocks is waited for.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(1);
/// Two equal looks at this distance settle a value of which nothing is expected.
const SETTLED: Duration = Duration::from_millis(50);
/// The pause between two looks grows from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

pub(super) struct Runner<'a> {
    trial: &'a Trial,
    host: Box<dyn Host>,
    begin: Instant,
    names: Names,
    calls: BTreeMap<Name, Background>,
}

/// A background call.
struct Background {
    id: CallId,
    call: Call,
    done: Option<Completion>,
}

/// What a step came to, before it is written down.
struct Came {
    call: Option<Call>,
    completion: Option<Completion>,
    seen: Vec<Sample>,
    outcome: Option<Outcome>,
    end: End,
    note: Option<String>,
    late: u64,
}

impl Came {
    fn of_call(call: Call, completion: Completion, end: End) -> Self {
        let outcome = Some(completion.outcome.clone());
        let late = completion.late;
        Self {
            call: Some(call),
            completion: Some(completion),
            seen: Vec::new(),
            outcome,
            end,
            note: None,
            late,
        }
    }
}

impl<'a> Runner<'a> {
    pub(super) fn new(trial: &'a Trial, host: Box<dyn Host>, begin: Instant) -> Self {
        Self { trial, host, begin, names: Names::new(trial.family), calls: BTreeMap::new() }
    }

    /// ns since the trial began.
    pub(super) fn now(&self) -> u64 {
        ns(self.begin.elapsed())
    }

    /// How much of the trial's deadline is left.
    pub(super) fn remaining(&self) -> Duration {
        self.trial.case.deadline.saturating_sub(self.begin.elapsed())
    }

    /// Ends what still goes on.
    pub(super) fn end(mut self) {
        for call in std::mem::take(&mut self.calls).into_values().filter(|call| call.done.is_none()) {
            // The trial is over; a call that cannot be ended costs no more than its thread.
            let _ = self.host.cancel(call.id);
        }
    }

    pub(super) fn step(&mut self, index: usize) -> Result<StepRecord, HostFault> {
        let step = &self.trial.steps[index];
        let begin = self.now();
        let came = match step.step.verb.class {
            Class::Background if step.step.verb.name == "interrupt" => self.interrupt(&step.step)?,
            Class::Background => self.finish(step)?,
            Class::Look if step.step.arg("timeout").is_none() => self.look(step)?,
            Class::Call | Class::Look | Class::Macro => self.call(step)?,
        };
        Ok(StepRecord {
            step: index,
            call: came.call,
            completion: came.completion,
            seen: came.seen,
            outcome: came.outcome,
            end: came.end,
            note: came.note,
            late: came.late,
            begin,
            finish: self.now(),
        })
    }

    /// How long the step may wait.
    fn limit(&self, step: &Step) -> Duration {
        let own = match step.arg("timeout") {
            Some(ArgValue::Duration(timeout)) => *timeout + STEP_LIMIT,
            _ => step.within.unwrap_or(STEP_LIMIT),
        };
        own.min(self.remaining())
    }

    fn call(&mut self, step: &TrialStep) -> Result<Came, HostFault> {
        let call = calls::call(&step.step, &self.names, self.host.as_mut())?;
        let limit = self.limit(&step.step);
        if let Some(name) = &step.step.background {
            return self.background(name, call, limit);
        }
        let unknown = step.expectation.want == Expected::Unknown;
        if !step.expectation.want.may_block() && !unknown {
            let mut completion = self.host.run(&call, limit)?;
            let interrupted = completion.outcome == Outcome::Blocks;
            self.note_names(&call, &mut completion);
            return Ok(Came::of_call(call, completion, if interrupted { End::Limit } else { End::Done }));
        }
        let id = self.host.start(&call)?;
        let until = if unknown { Until::Done } else { Until::Asleep };
        let limit = if unknown { limit.min(UNKNOWN_LIMIT) } else { limit };
        let (completion, asleep) = match self.host.wait(id, until, limit)? {
            Progress::Done(completion) => (completion, false),
            Progress::Asleep | Progress::Running => (self.host.cancel(id)?, true),
        };
        let mut completion = completion;
        self.note_names(&call, &mut completion);
        let mut came = Came::of_call(call, completion, End::Done);
        if asleep {
            came.note = self.sleep_note(if unknown { Some(limit) } else { None });
        }
        Ok(came)
    }

    /// What a reader should know of how a sleep was shown.
    fn sleep_note(&self, waited: Option<Duration>) -> Option<String> {
        if let Some(waited) = waited {
            return Some(format!("not over after {waited:?}, and interrupted then"));
        }
        let shown = self.host.platform().offers.contains("sleep of a call");
        (!shown).then(|| {
            "this platform does not show that a call sleeps; it was not over after a fixed time".to_owned()
        })
    }

    fn background(&mut self, name: &str, call: Call, limit: Duration) -> Result<Came, HostFault> {
        let id = self.host.start(&call)?;
        let progress = self.host.wait(id, Until::Asleep, limit)?;
        let (done, end) = match progress {
            Progress::Done(completion) => (Some(completion), End::Done),
            Progress::Asleep => (None, End::Asleep),
            Progress::Running => (None, End::Limit),
        };
        if done.is_none()
            && let Action::Connect { to: Address::Is(to), .. } = &call.action
        {
            self.note_destination(&call.socket, *to)?;
        }
        let note = (end == End::Asleep).then(|| self.sleep_note(None)).flatten();
        self.calls.insert(name.to_owned(), Background { id, call: call.clone(), done });
        // The call has no outcome yet, whatever became of it: `finish` tells.
        let end = if end == End::Limit { End::Settled } else { end };
        Ok(Came { call: Some(call), completion: None, seen: Vec::new(), outcome: None, end, note, late: 0 })
    }

    /// A connect under way has a local address already, by which its state is looked up.
    fn note_destination(&mut self, socket: &str, to: std::net::SocketAddr) -> Result<(), HostFault> {
        let ask = Call {
            socket: socket.to_owned(),
            action: Action::LocalName,
            mode: crate::host::call::Mode::Blocking,
        };
        let mut endpoint = self.names.get(socket);
        if let Outcome::Address(seen) = self.host.run(&ask, STEP_LIMIT)?.outcome {
            endpoint.local = Some(seen.address);
        }
        endpoint.peer = Some(to);
        self.names.set(socket, endpoint);
        Ok(())
    }

    fn finish(&mut self, step: &TrialStep) -> Result<Came, HostFault> {
        let Some(background) = self.calls.remove(&step.step.subject) else {
            return Err(HostFault::new(format!("there is no call `{}`", step.step.subject)));
        };
        let Background { id, call, done } = background;
        let want = &step.expectation.want;
        let unknown = *want == Expected::Unknown;
        let (until, limit) = match (want.may_block(), unknown) {
            (true, _) => (Until::Asleep, self.limit(&step.step)),
            (false, true) => (Until::Done, UNKNOWN_LIMIT.min(self.remaining())),
            (false, false) => (Until::Done, self.limit(&step.step)),
        };
        let mut end = End::Done;
        let mut note = None;
        let mut completion = match done {
            Some(completion) => completion,
            None => match self.host.wait(id, until, limit)? {
                Progress::Done(completion) => completion,
                progress => {
                    if !want.may_block() && !unknown {
                        end = End::Limit;
                    } else if progress == Progress::Asleep || unknown {
                        note = self.sleep_note(unknown.then_some(limit));
                    }
                    self.host.cancel(id)?
                }
            },
        };
        self.note_names(&call, &mut completion);
        let mut came = Came::of_call(call, completion, end);
        came.note = note;
        Ok(came)
    }

    fn interrupt(&mut self, step: &Step) -> Result<Came, HostFault> {
        let Some(background) = self.calls.get(&step.subject) else {
            return Err(HostFault::new(format!("there is no call `{}`", step.subject)));
        };
        if background.done.is_none() {
            self.host.interrupt(background.id, step.arg("restart") == Some(&ArgValue::Bool(true)))?;
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
        let limit = self.limit(&step.step);
        let want = &step.expectation.want;
        let began = Instant::now();
        let mut seen: Vec<Sample> = Vec::new();
        let mut pause = FIRST_PAUSE;
        let mut late = Duration::ZERO;
        let mut settled_since = began;
        let (outcome, completion, call, end) = loop {
            let (value, call, completion) = self.look_once(&step.step)?;
            let at = self.now();
            let changed = seen.last().is_none_or(|last| last.value != value);
            if changed {
                seen.push(Sample { at, value: value.clone() });
                settled_since = Instant::now();
            }
            let end = if *want == Expected::Unknown {
                (settled_since.elapsed() >= SETTLED).then_some(End::Settled)
            } else if want.accepts(&value) || step.step.now {
                Some(End::Done)
            } else if self.cannot_come(step, &value) && settled_since.elapsed() >= SETTLED {
                Some(End::CannotCome)
            } else {
                (began.elapsed() >= limit).then_some(End::Limit)
            };
            if let Some(end) = end {
                break (value, completion, call, end);
            }
            let before = Instant::now();
            thread::sleep(pause);
            late += before.elapsed().saturating_sub(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        let seen = if seen.len() > 1 { seen } else { Vec::new() };
        Ok(Came { call, completion, seen, outcome: Some(outcome), end, note: None, late: ns(late) })
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
                let call = calls::call(step, &self.names, self.host.as_mut())?;
                let completion = self.host.run(&call, STEP_LIMIT)?;
                return Ok((completion.outcome.clone(), Some(call), Some(completion)));
            }
            "queued" if step.word("direction") == Some("unsent") => Look::Unsent { socket },
            "queued" => Look::Received { socket },
            _ => {
                let endpoint = self.names.get(&socket);
                Look::State { socket, local: endpoint.local, peer: endpoint.peer }
            }
        };
        let outcome = match self.host.observe(&look)? {
            Seen::State(state) => Outcome::State(state),
            Seen::Count(n) => Outcome::Bytes(n),
            Seen::Port(port) => Outcome::Value(i64::from(port)),
        };
        Ok((outcome, None, None))
    }

    /// Takes note of the addresses that a call gave, and names those that it told.
    fn note_names(&mut self, call: &Call, completion: &mut Completion) {
        let mut endpoint = self.names.get(&call.socket);
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
                return;
            }
            Action::Connect { .. } => {
                endpoint.local = completion.local.or(endpoint.local);
                endpoint.peer = completion.peer.or(endpoint.peer);
            }
            Action::Bind { .. } | Action::Listen { .. } => {
                endpoint.local = completion.local.or(endpoint.local);
            }
            Action::Fill => {
                if let Outcome::Bytes(_) = completion.outcome {
                    completion.outcome = Outcome::Ok;
                }
            }
            Action::LocalName | Action::PeerName => {
                if let Outcome::Address(seen) = &mut completion.outcome {
                    seen.names = self.names.names_of(seen.address, self.host.as_ref());
                }
                return;
            }
            _ => return,
        }
        self.names.set(&call.socket, endpoint);
    }
}
