//! One call from beginning to end on the thread that makes it: timing, names, and the calls that are made of several.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::slot::Slot;
use super::sys::{Answer, Cell, RawHandle, Sys};
use super::{clock, watchdog};
use crate::host::HostFault;
use crate::host::call::{Action, Address, Call, Completion, Kind, Mode};
use crate::outcome::{Data, Outcome};
use crate::platform::errors;

/// What a call acts on.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) cell: Arc<Cell>,
    pub(super) kind: Kind,
}

impl Subject {
    /// For calls that make their socket.
    pub(super) fn none<S: Sys>() -> Self {
        Self { cell: Arc::new(Cell::new(S::NOTHING)), kind: Kind::Stream }
    }
}

/// A call that is over.
pub(super) struct Done {
    pub(super) completion: Completion,
    pub(super) made: Option<RawHandle>,
}

/// Makes a call. It is ended at `deadline`, and is then [`Outcome::Blocks`].
pub(super) fn perform<S: Sys>(
    subject: &Subject,
    call: &Call,
    slot: &Slot,
    deadline: u64,
) -> Result<Done, HostFault> {
    let handle = subject.cell.get();
    let lateness = Lateness::begin::<S>();
    let begin = clock::now();
    slot.enter(handle, begin, deadline);
    watchdog::entered();
    let answer = match &call.action {
        Action::Read { size } => read::<S>(subject, *size, call.mode, slot),
        Action::Fill => fill::<S>(subject, slot),
        action => S::call(&subject.cell, subject.kind, action, call.mode),
    };
    let end = clock::now();
    let ended = slot.leave();
    let late = lateness.end::<S>(begin, end);
    let answer = answer?;

    let mut completion = Completion {
        outcome: Outcome::Blocks,
        code: None,
        native: None,
        signal: answer.signal.map(str::to_owned),
        begin,
        end,
        late,
        local: local::<S>(subject, &call.action, &answer),
        peer: peer(&call.action, &answer),
        moved: None,
    };
    if ended && is_part(&answer) {
        completion.moved = answer.result.ok();
    } else {
        match answer.result {
            Ok(outcome) => completion.outcome = outcome,
            Err(code) => {
                let name = errors::name(S::OS, code).map_or_else(|| format!("error {code}"), str::to_owned);
                completion.native =
                    errors::native(S::OS, code).filter(|native| *native != name).map(str::to_owned);
                completion.outcome = Outcome::Error(name);
                completion.code = Some(code);
            }
        }
    }
    Ok(Done { completion, made: answer.made })
}

/// Whether this is what a call gives that was ended while it waited for more. A receive or a send that had moved some
/// bytes tells of these, and not of the interruption.
fn is_part(answer: &Answer) -> bool {
    answer.cut || matches!(answer.result, Ok(Outcome::Data(_) | Outcome::Bytes(_)))
}

/// The local address after a call that may have given the socket one.
fn local<S: Sys>(subject: &Subject, action: &Action, answer: &Answer) -> Option<SocketAddr> {
    let handle = match action {
        Action::Bind { .. } | Action::Listen { .. } | Action::Connect { .. } => subject.cell.get(),
        Action::Accept { .. } | Action::Dup { .. } => answer.made?,
        Action::Send { .. } if subject.kind == Kind::Datagram => subject.cell.get(),
        _ => return None,
    };
    S::local_name(handle).filter(|address| address.port() != 0)
}

/// The remote address: what a call told, or where a connect goes to, even if it fails.
fn peer(action: &Action, answer: &Answer) -> Option<SocketAddr> {
    match action {
        Action::Connect { to: Address::Is(to), .. } => Some(*to),
        _ => answer.peer,
    }
}

/// Receives in pieces of this size.
const PIECE: usize = 64 * 1024;

fn read<S: Sys>(subject: &Subject, size: usize, mode: Mode, slot: &Slot) -> Result<Answer, HostFault> {
    let mut all = Vec::new();
    loop {
        let piece =
            Action::Recv { size: (size - all.len()).min(PIECE), flags: Vec::new(), via: "recv".to_owned() };
        let mut answer = S::call(&subject.cell, subject.kind, &piece, mode)?;
        match answer.result {
            Ok(Outcome::Data(ref data)) if !data.0.is_empty() => all.extend_from_slice(&data.0),
            Ok(Outcome::Eof) if all.is_empty() => return Ok(answer),
            Ok(_) => {
                answer.result = Ok(Outcome::Data(Data(all)));
                return Ok(answer);
            }
            Err(_) => return Ok(answer),
        }
        if all.len() >= size {
            answer.result = Ok(Outcome::Data(Data(all)));
            return Ok(answer);
        }
        if slot.is_ending() {
            // Data never stops coming, so that no single call was long enough to be cut.
            return Ok(Answer { cut: true, ..Answer::new(Ok(Outcome::Data(Data(all)))) });
        }
    }
}

/// How long to wait before more is tried.
const FILL_PAUSE: Duration = Duration::from_millis(1);

fn fill<S: Sys>(subject: &Subject, slot: &Slot) -> Result<Answer, HostFault> {
    let of = |size| Action::Send {
        data: Data(vec![b'f'; size]),
        to: None,
        flags: Vec::new(),
        via: "send".to_owned(),
    };
    let mut size = PIECE;
    let mut piece = of(size);
    let mut taken = 0;
    // Refused, and full: what freed room between the two answers shows in the next refusal, or does not come.
    let mut was_full = false;
    let mut refused_since = None;
    loop {
        let mut answer = S::call(&subject.cell, subject.kind, &piece, Mode::Nonblocking)?;
        let full = match answer.result {
            Ok(Outcome::Bytes(n)) => {
                taken += n;
                refused_since = None;
                false
            }
            Ok(_) => {
                taken += size as u64;
                refused_since = None;
                false
            }
            Err(code) if errors::name(S::OS, code) == Some("EAGAIN") => {
                let now = clock::now();
                let refused_for = Duration::from_nanos(now - *refused_since.get_or_insert(now));
                let full = S::is_full(subject.cell.get(), refused_for);
                if full && was_full {
                    if size == 1 {
                        answer.result = Ok(Outcome::Bytes(taken));
                        return Ok(answer);
                    }
                    // BSDs refuse a large piece where a small one has room (SO_SNDLOWAT; sosend in uipc_socket.c).
                    size = 1;
                    piece = of(size);
                }
                if !full {
                    // What is under way makes room for more, soon or with the next probe of the window.
                    std::thread::sleep(FILL_PAUSE);
                }
                full
            }
            Err(_) => return Ok(answer),
        };
        was_full = full;
        if slot.is_ending() {
            answer.cut = true;
            return Ok(answer);
        }
    }
}

/// How late the machine was during a call.
struct Lateness {
    waited: u64,
    overslept: u64,
}

/// A call that took less was not kept waiting, or not so that it matters.
const QUICK: u64 = 1_000_000;
/// How old a reading may be that a call begins with: reading for every call would cost more than many calls do.
const FRESH: u64 = 500_000;

thread_local! {
    /// When this thread's waiting was read last, and what it was.
    static READ: std::cell::Cell<(u64, u64)> = const { std::cell::Cell::new((0, 0)) };
}

impl Lateness {
    fn begin<S: Sys>() -> Self {
        let now = clock::now();
        let (at, waited) = READ.get();
        let waited = if at == 0 || now - at > FRESH { read_waiting::<S>(now) } else { waited };
        Self { waited, overslept: watchdog::overslept() }
    }

    fn end<S: Sys>(self, begin: u64, end: u64) -> u64 {
        if end - begin < QUICK {
            return 0;
        }
        // What keeps this thread waiting makes the watchdog oversleep as well: it is counted once.
        let waited = read_waiting::<S>(end) - self.waited;
        waited.max(watchdog::overslept() - self.overslept).min(end - begin)
    }
}

fn read_waiting<S: Sys>(now: u64) -> u64 {
    let waited = S::kept_waiting();
    READ.set((now, waited));
    waited
}
