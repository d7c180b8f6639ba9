//! The verbs: one table, from which parser, checks, suggestions, schema and `cases/README.md` are made.
//!
//! What a verb *does* is in `run::calls` (for calls) and `run::steps` (for looks and control).

/// A verb of the case language.
#[derive(Debug)]
pub struct Verb {
    /// The key of the step.
    pub name: &'static str,
    /// What its value is.
    pub subject: Subject,
    /// What it is to the runner.
    pub class: Class,
    /// One sentence for the reader of `cases/README.md`.
    pub about: &'static str,
    /// Its arguments: further keys of the step.
    pub args: &'static [Arg],
    /// What can come out of it.
    pub outcomes: &'static [OutcomeKind],
    /// Whether `ok` is expected where nothing is written. Otherwise a step must say what it expects.
    pub ok_by_default: bool,
    /// A step as it is written, checked by a test.
    pub example: &'static str,
}

/// What the value of a verb's key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A socket that is there.
    Socket,
    /// A socket; where there is none of that name, it is made: a stream socket of the trial's address family.
    SocketOrNew,
    /// A socket that is not there yet.
    NewSocket,
    /// A socket, or a map of sockets to what is expected of each.
    Sockets,
    /// A background call.
    Call,
    /// A pattern of segments; see `wire::pattern`.
    Pattern,
    /// The word `cable`.
    Cable,
    /// A file in `setups/`.
    Setup,
    /// A number.
    Count,
}

/// What a verb is to the runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A call on a socket.
    Call,
    /// Looks until the expected value is there.
    Look,
    /// Acts on a background call.
    Background,
    /// Commands the cable, or asks what went over it.
    Wire,
    /// Stands for other steps; gone once the case is expanded.
    Macro,
}

/// An argument of a verb.
#[derive(Debug)]
pub struct Arg {
    /// The key.
    pub name: &'static str,
    /// What its value is.
    pub kind: ArgKind,
    /// Whether it must be there.
    pub required: bool,
    /// What it says, and what holds where it is not written.
    pub about: &'static str,
}

/// What the value of an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// An address; see `case::address`.
    Address,
    /// A switch.
    Bool,
    /// Payload: text, or `{size: n}`, or `{data: text}`.
    Data,
    /// A time.
    Duration,
    /// A list of MSG_ flags.
    Flags,
    /// A sum of numbers and names: `rcv_nxt + 1`.
    Expression,
    /// A whole number.
    Int,
    /// The name for a new socket.
    NewSocket,
    /// The name of a socket option.
    Option,
    /// The value of a socket option: a number, `on`, `off`, a time, a word, `{linger: 1s}`, `{bytes: n}`.
    OptionValue,
    /// A segment to be injected: a pattern, or a map of flags and numbers; see `case::segment`.
    Segment,
    /// A segment that is expected.
    SegmentWant,
    /// A list of steps.
    Steps,
    /// One of these words; where a number is written instead, it is passed on as it is.
    Word(&'static [&'static str]),
    /// One of these words and no number.
    OneOf(&'static [&'static str]),
}

/// What can come out of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the kinds of crate::outcome::Outcome")]
pub enum OutcomeKind {
    Ok,
    Error,
    Eof,
    Blocks,
    Data,
    Bytes,
    Value,
    Bits,
    State,
    Address,
    Segment,
    Path,
}

impl OutcomeKind {
    /// How `cases/README.md` calls it.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Ok => "`ok`",
            Self::Error => "an error",
            Self::Eof => "`eof`",
            Self::Blocks => "`blocks`",
            Self::Data => "data",
            Self::Bytes => "a number of bytes",
            Self::Value => "a value",
            Self::Bits => "a set of bits",
            Self::State => "a TCP state",
            Self::Address => "an address",
            Self::Segment => "a segment, or `nothing`",
            Self::Path => "a list of TCP states",
        }
    }
}

/// The verb of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

impl Verb {
    /// The argument of that name.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&'static Arg> {
        self.args.iter().find(|arg| arg.name == name)
    }

    /// The calls that `via` can pick, the default first; none where there is only one way.
    #[must_use]
    pub fn calls(&self) -> &'static [&'static str] {
        match self.arg("via").map(|arg| arg.kind) {
            Some(ArgKind::OneOf(calls)) => calls,
            _ => &[],
        }
    }
}

const fn arg(name: &'static str, kind: ArgKind, about: &'static str) -> Arg {
    Arg { name, kind, required: false, about }
}

const fn required(name: &'static str, kind: ArgKind, about: &'static str) -> Arg {
    Arg { name, kind, required: true, about }
}

const HOSTS: ArgKind = ArgKind::OneOf(&["client", "server"]);
const AT: Arg = arg("at", HOSTS, "the host it is made on; `client` unless the link has two");
const COUNT: Arg = arg("count", ArgKind::Int, "how many segments; all where it is not written");
const FAMILY: Arg = arg(
    "family",
    ArgKind::Word(&["ipv4", "ipv6"]),
    "the address family; the trial's where it is not written",
);
const TYPE: Arg =
    arg("type", ArgKind::Word(&["stream", "datagram"]), "`stream` (TCP) where it is not written");

use ArgKind as K;
use OutcomeKind::{Address, Bits, Blocks, Bytes, Data, Eof, Error, Ok, Segment, State, Value};

/// Every verb.
pub static VERBS: &[Verb] = &[
    Verb {
        name: "socket",
        subject: Subject::NewSocket,
        class: Class::Call,
        about: "Makes a socket. Only needed where its kind matters, or where a call is made on a socket that has not \
                been used: `bind`, `listen`, `connect` and `setsockopt` make the socket they name.",
        args: &[
            FAMILY,
            TYPE,
            arg("protocol", K::Int, "the protocol's number; 0 where it is not written"),
            AT,
        ],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- socket: client\n  type: datagram",
    },
    Verb {
        name: "descriptor",
        subject: Subject::NewSocket,
        class: Class::Call,
        about: "Makes a descriptor that is no usable socket, for wrong calls.",
        args: &[required("kind", K::OneOf(&["closed", "file", "pipe"]), "which one"), AT],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- descriptor: wrong\n  kind: file",
    },
    Verb {
        name: "bind",
        subject: Subject::SocketOrNew,
        class: Class::Call,
        about: "Gives a socket its local address.",
        args: &[required("address", K::Address, "the local address"), AT],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- bind: client\n  address: any port",
    },
    Verb {
        name: "listen",
        subject: Subject::SocketOrNew,
        class: Class::Call,
        about: "Makes a socket listen. A socket that has not been named before is made and bound to `any port` first.",
        args: &[arg("backlog", K::Int, "as it is passed; 128 where it is not written"), AT],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- listen: listener\n  backlog: 0",
    },
    Verb {
        name: "connect",
        subject: Subject::SocketOrNew,
        class: Class::Call,
        about: "Connects a socket.",
        args: &[
            required("to", K::Address, "the destination"),
            arg("via", K::OneOf(&["connect", "WSAConnect", "ConnectEx"]), "the call"),
            AT,
        ],
        outcomes: &[Ok, Error, Blocks],
        ok_by_default: true,
        example: "- connect: client\n  to: closed port\n  expect: ECONNREFUSED",
    },
    Verb {
        name: "accept",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Takes a connection from a listening socket.",
        args: &[
            arg("as", K::NewSocket, "the name of the new socket; `server` where it is not written"),
            arg("via", K::OneOf(&["accept", "accept4", "AcceptEx"]), "the call"),
        ],
        outcomes: &[Ok, Error, Blocks],
        ok_by_default: true,
        example: "- accept: listener\n  as: server",
    },
    Verb {
        name: "dup",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Makes a second descriptor of the same socket: `dup`, on Windows WSADuplicateSocket within the process. \
                What is done by one is done to the socket that both stand for; `close` closes one of them.",
        args: &[required("as", K::NewSocket, "the name of the new descriptor")],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- dup: client\n  as: copy",
    },
    Verb {
        name: "send",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Sends. `ok` says that all was taken, a number how many bytes were. SIGPIPE is only let through where \
                `flags` does not have MSG_NOSIGNAL; `write` and `writev` have no flags, so they always let it through. \
                `sendmsg` and `writev` are given the data in two halves.",
        args: &[
            required(
                "data",
                K::Data,
                "what is sent: text, `{size: n}` for n bytes, `{data: text}` for any text",
            ),
            arg("to", K::Address, "the destination; `via` is `sendto` then, where it is not written"),
            arg("flags", K::Flags, "MSG_ flags; `[MSG_NOSIGNAL]` where it is not written"),
            arg(
                "via",
                K::OneOf(&["send", "sendto", "sendmsg", "write", "writev", "WSASend", "WSASendTo"]),
                "the call",
            ),
        ],
        outcomes: &[Ok, Error, Blocks, Bytes],
        ok_by_default: true,
        example: "- send: client\n  data: hello",
    },
    Verb {
        name: "recv",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Receives once. `recvmsg` tells flags as well, which belong to the outcome: \
                `{data: hel, msg_flags: [MSG_TRUNC]}`. `recvmsg` and `readv` are given the buffer in two halves, and \
                none for ancillary data.",
        args: &[
            arg("size", K::Int, "the buffer's length in bytes; 65536 where it is not written"),
            arg("flags", K::Flags, "MSG_ flags"),
            arg(
                "via",
                K::OneOf(&["recv", "recvfrom", "recvmsg", "read", "readv", "WSARecv", "WSARecvFrom"]),
                "the call",
            ),
        ],
        outcomes: &[Data, Eof, Error, Blocks, Bytes],
        ok_by_default: false,
        example: "- recv: client\n  expect: eof",
    },
    Verb {
        name: "read",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Receives until so many bytes have come, or end of file, or an error. What came before the end of file \
                is the outcome.",
        args: &[arg("size", K::Int, "how many bytes; until the end of file where it is not written")],
        outcomes: &[Data, Eof, Error, Blocks, Bytes],
        ok_by_default: false,
        example: "- read: server\n  size: 100000\n  expect: {bytes: 100000}",
    },
    Verb {
        name: "fill",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Sends without blocking until the call would block: the buffers of both ends are full then.",
        args: &[],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- fill: client",
    },
    Verb {
        name: "shutdown",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Shuts down a direction of a connection.",
        args: &[required("how", K::Word(&["read", "write", "both"]), "the direction")],
        outcomes: &[Ok, Error, Blocks],
        ok_by_default: true,
        example: "- shutdown: client\n  how: write",
    },
    Verb {
        name: "close",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Closes the descriptor. The name keeps its addresses: its connection can still be looked at.",
        args: &[],
        outcomes: &[Ok, Error, Blocks],
        ok_by_default: true,
        example: "- close: client",
    },
    Verb {
        name: "abort",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Sets SO_LINGER to on with 0 s and closes: sends a reset.",
        args: &[],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- abort: server",
    },
    Verb {
        name: "disconnect",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Calls DisconnectEx, which only Windows has.",
        args: &[arg("reuse", K::Bool, "TF_REUSE_SOCKET: the descriptor can be connected again")],
        outcomes: &[Ok, Error, Blocks],
        ok_by_default: true,
        example: "- disconnect: client\n  reuse: true",
    },
    Verb {
        name: "setsockopt",
        subject: Subject::SocketOrNew,
        class: Class::Call,
        about: "Sets an option. Options have one name here; the platform layer knows the number and the unit.",
        args: &[
            required("option", K::Option, "its name"),
            arg("value", K::OptionValue, "what it is set to; `on` where it is not written"),
            AT,
        ],
        outcomes: &[Ok, Error],
        ok_by_default: true,
        example: "- setsockopt: client\n  option: SO_RCVTIMEO\n  value: 200ms",
    },
    Verb {
        name: "getsockopt",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Reads an option. Switches are 0 and 1 (or what the system makes of them), times are words like `2s`, \
                SO_ERROR is `ok` or an error.",
        args: &[required("option", K::Option, "its name")],
        outcomes: &[Value, Error, Ok],
        ok_by_default: false,
        example: "- getsockopt: client\n  option: SO_ERROR\n  expect: ECONNREFUSED",
    },
    Verb {
        name: "getsockname",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Reads the local address.",
        args: &[],
        outcomes: &[Address, Error],
        ok_by_default: false,
        example: "- getsockname: client\n  expect: any port",
    },
    Verb {
        name: "getpeername",
        subject: Subject::Socket,
        class: Class::Call,
        about: "Reads the remote address.",
        args: &[],
        outcomes: &[Address, Error],
        ok_by_default: false,
        example: "- getpeername: client\n  expect: address of listener",
    },
    Verb {
        name: "ready",
        subject: Subject::Socket,
        class: Class::Look,
        about: "Asks a readiness call for every bit that the platform knows, until exactly the expected ones are there. \
                With `timeout` it is one call that may wait that long.",
        args: &[
            arg(
                "via",
                K::OneOf(&["poll", "select", "epoll", "WSAPoll"]),
                "the call; on Windows `poll` is WSAPoll",
            ),
            arg("timeout", K::Duration, "one call with this time limit, instead of looking until"),
        ],
        outcomes: &[Bits, Error, Blocks],
        ok_by_default: false,
        example: "- ready: client\n  via: poll\n  expect: [OUT]",
    },
    Verb {
        name: "state",
        subject: Subject::Sockets,
        class: Class::Look,
        about: "Looks at the TCP state of a connection in the kernel's table until it is the expected one. Works on a \
                closed socket too: the connection is known by its addresses. CLOSED says that there is none.",
        args: &[],
        outcomes: &[State],
        ok_by_default: false,
        example: "- state: {client: FIN_WAIT_2, server: CLOSE_WAIT}",
    },
    Verb {
        name: "queued",
        subject: Subject::Socket,
        class: Class::Look,
        about: "Looks until so many bytes have arrived and wait to be read; of a listening socket: so many connections \
                to be accepted.",
        args: &[arg(
            "direction",
            K::OneOf(&["received", "unsent"]),
            "`unsent` counts the bytes that were sent and not acknowledged; `received` where it is not written",
        )],
        outcomes: &[Bytes],
        ok_by_default: false,
        example: "- queued: server\n  expect: 5",
    },
    Verb {
        name: "finish",
        subject: Subject::Call,
        class: Class::Background,
        about: "Waits for the end of a background call. `blocks` says that it is still asleep; it is interrupted then.",
        args: &[],
        outcomes: &[Ok, Error, Eof, Blocks, Data, Bytes, Value, Bits, Address],
        ok_by_default: true,
        example: "- finish: waiting\n  expect: eof",
    },
    Verb {
        name: "interrupt",
        subject: Subject::Call,
        class: Class::Background,
        about: "Sends a signal, which the program handles, to the thread of a background call.",
        args: &[arg("restart", K::Bool, "the handler was installed with SA_RESTART")],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- interrupt: waiting",
    },
    Verb {
        name: "hold",
        subject: Subject::Pattern,
        class: Class::Wire,
        about: "Holds segments that fit when they arrive at the cable, until they are released. A segment that is sent \
                again while it is held is taken for the same.",
        args: &[COUNT],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- hold: FIN from client",
    },
    Verb {
        name: "release",
        subject: Subject::Pattern,
        class: Class::Wire,
        about: "Delivers what is held and fits. Without a count the holding of that pattern is over; `everything` ends \
                all holding.",
        args: &[
            arg("count", K::Int, "how many; all where it is not written"),
            arg("order", K::OneOf(&["arrival", "reversed"]), "`arrival` where it is not written"),
        ],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- release: FIN",
    },
    Verb {
        name: "drop",
        subject: Subject::Pattern,
        class: Class::Wire,
        about: "Loses segments that fit.",
        args: &[COUNT],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- drop: exactly SYN\n  count: 1",
    },
    Verb {
        name: "duplicate",
        subject: Subject::Pattern,
        class: Class::Wire,
        about: "Delivers segments that fit twice.",
        args: &[COUNT],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- duplicate: data from client\n  count: 1",
    },
    Verb {
        name: "pass",
        subject: Subject::Pattern,
        class: Class::Wire,
        about: "Lets segments pass that fit, in spite of older rules; `everything` takes all rules back.",
        args: &[],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- pass: everything",
    },
    Verb {
        name: "cut",
        subject: Subject::Cable,
        class: Class::Wire,
        about: "Loses all that comes, from both ends or from one.",
        args: &[arg("end", HOSTS, "the end that is not heard any more; both where it is not written")],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- cut: cable",
    },
    Verb {
        name: "restore",
        subject: Subject::Cable,
        class: Class::Wire,
        about: "Undoes `cut`.",
        args: &[arg("end", HOSTS, "see `cut`")],
        outcomes: &[Ok],
        ok_by_default: true,
        example: "- restore: cable",
    },
    Verb {
        name: "sent",
        subject: Subject::Socket,
        class: Class::Wire,
        about: "Takes the next segment of a socket that fits, in the order in which they arrived at the cable, and waits \
                for one. What `segment` leaves out may be anything; `expect` can say more of it.",
        args: &[
            arg("segment", K::SegmentWant, "which one; without it, see `rest`"),
            arg("rest", K::OneOf(&["none"]), "`none`: the socket has sent nothing else after it"),
        ],
        outcomes: &[Segment],
        ok_by_default: true,
        example: "- sent: client\n  segment: {flags: FIN, seq: 1, ack: 1}\n  rest: none",
    },
    Verb {
        name: "inject",
        subject: Subject::Socket,
        class: Class::Wire,
        about: "Gives a socket's host a segment that its peer seems to have sent, or an ICMP error that quotes what the \
                socket sent last. The outcome is what the socket answers at once: an echo request behind the segment \
                tells when there is nothing more to come.",
        args: &[
            arg(
                "segment",
                K::Segment,
                "the segment; `seq` is rcv_nxt and `ack` is snd_nxt where they are not written",
            ),
            arg("icmp", K::OneOf(&crate::wire::icmp::NAMES), "the ICMP error, instead of a segment"),
            arg("seq", K::Expression, "of an ICMP error: the sequence number in the quoted segment"),
            arg("mtu", K::Int, "of `packet too big`: the size that it names"),
            arg(
                "from",
                K::Address,
                "who sends it, if the socket has no peer; `nobody` where it is not written",
            ),
            arg("as", K::NewSocket, "a name for the connection that the segment begins"),
        ],
        outcomes: &[Segment],
        ok_by_default: false,
        example: "- inject: client\n  segment: {flags: RST, seq: rcv_nxt + 1}\n  expect: bare ACK",
    },
    Verb {
        name: "path",
        subject: Subject::Socket,
        class: Class::Look,
        about: "Looks until the states that a connection has gone through so far are exactly these, in order, as the \
                kernel's tracepoint tells them. The CLOSED that every connection begins in is left out; one that a \
                listener got begins with LISTEN. What the kernel does not tell is not in it. Needs `tracing`.",
        args: &[],
        outcomes: &[OutcomeKind::Path],
        ok_by_default: false,
        example: "- path: client\n  expect: [SYN_SENT, ESTABLISHED]",
    },
    Verb {
        name: "setup",
        subject: Subject::Setup,
        class: Class::Macro,
        about: "Carries out the steps of a file in `setups/`, but for what is there already. `given: X` in the case is \
                the same as a first step `setup: X`.",
        args: &[],
        outcomes: &[],
        ok_by_default: true,
        example: "- setup: connected",
    },
    Verb {
        name: "repeat",
        subject: Subject::Count,
        class: Class::Macro,
        about: "Carries out steps several times; `$n` counts from 1.",
        args: &[required("do", K::Steps, "the steps")],
        outcomes: &[],
        ok_by_default: true,
        example: "- repeat: 3\n  do:\n    - connect: client $n\n      to: listener",
    },
];

/// Keys that every step may have.
pub static STEP_KEYS: &[(&str, &str)] = &[
    (
        "background",
        "the call goes on under this name; the step is over when the call is seen asleep, or done",
    ),
    ("expect", "what the specification asks for"),
    ("gaps", "the times between one segment that fits and the next, of `sent`: `[1s, 2s, 4s]`"),
    ("label", "a name for the step, for `os` and `except` of the case, and for `since`"),
    (
        "mode",
        "`waiting`: non-blocking or overlapped and then waited for; `nonblocking`: the raw call; else `blocking`",
    ),
    ("nonblocking", "the same as `mode: nonblocking`"),
    ("now", "looks once"),
    ("only", "rows in which the step is carried out: `{axis: row}`, `{axis: [row, row]}`"),
    ("open", "the specification leaves the choice"),
    ("os", "what a platform does instead: `{selector: outcome}`"),
    ("signal", "the signal that the call raises: SIGPIPE"),
    ("since", "`takes` and `timer` count from the beginning of the step with this label"),
    ("source", "who says so: a section, a man page, an address"),
    ("takes", "how long it takes: `..200ms`, `60s..`, `1500ms..4s`"),
    (
        "timer",
        "a kernel timer of that length is the cause: not before it, not after the platform's granularity",
    ),
    ("unnoticed", "why `check --mutate` may change the expectation without being noticed"),
    ("why", "the reason"),
    ("within", "how long to wait for the expected value; 15s where it is not written"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_arguments_do_not_hide_step_keys() {
        for (i, verb) in VERBS.iter().enumerate() {
            assert!(VERBS[..i].iter().all(|other| other.name != verb.name), "{}", verb.name);
            for arg in verb.args {
                assert!(STEP_KEYS.iter().all(|(key, _)| *key != arg.name), "{}: {}", verb.name, arg.name);
                assert!(find(arg.name).is_none(), "{}: {}", verb.name, arg.name);
            }
        }
    }
}
