//! From a step to the call that it makes: the words are resolved, defaults put in.

use super::names::Names;
use crate::case::args::ArgValue;
use crate::case::option_value;
use crate::case::step::Step;
use crate::case::via;
use crate::host::call::{Action, Call, Choice, DescriptorKind, Family, Kind};
use crate::host::{Host, HostFault};
use crate::outcome::Data;

/// Length of the buffer that `recv` offers where the case does not say.
const BUFFER: usize = 65_536;
/// The backlog of `listen` where the case does not say.
const BACKLOG: i32 = 128;

/// The call that a step makes.
pub(super) fn call(step: &Step, names: &Names, host: &mut dyn Host) -> Result<Call, HostFault> {
    let mut address = |name: &str| match step.address(name) {
        Some(expr) => names.resolve(expr, &step.subject, host).map(Some),
        None => Ok(None),
    };
    let missing = |name: &str| HostFault::new(format!("`{}` has no `{name}`", step.verb.name));
    let action = match step.verb.name {
        "socket" => Action::Socket {
            family: match step.arg("family") {
                Some(ArgValue::Int(n)) => Choice::Raw(small(*n)),
                Some(ArgValue::Word(word)) if word == "ipv6" => Choice::Known(Family::Ipv6),
                Some(ArgValue::Word(_)) => Choice::Known(Family::Ipv4),
                _ => Choice::Known(names.get(&step.subject).family),
            },
            kind: match step.arg("type") {
                Some(ArgValue::Int(n)) => Choice::Raw(small(*n)),
                Some(ArgValue::Word(word)) if word == "datagram" => Choice::Known(Kind::Datagram),
                _ => Choice::Known(Kind::Stream),
            },
            protocol: small(step.int("protocol").unwrap_or(0)),
        },
        "descriptor" => Action::Descriptor {
            what: match step.word("kind") {
                Some("file") => DescriptorKind::File,
                Some("pipe") => DescriptorKind::Pipe,
                _ => DescriptorKind::Closed,
            },
        },
        "bind" => Action::Bind { address: address("address")?.ok_or_else(|| missing("address"))? },
        "listen" => Action::Listen { backlog: step.int("backlog").map_or(BACKLOG, small) },
        "connect" => Action::Connect { to: address("to")?.ok_or_else(|| missing("to"))?, via: call_of(step) },
        "accept" => {
            Action::Accept { new: step.word("as").unwrap_or("server").to_owned(), via: call_of(step) }
        }
        "dup" => Action::Dup { new: step.word("as").unwrap_or_default().to_owned() },
        "send" => Action::Send {
            data: data(step),
            to: address("to")?,
            flags: match flags(step) {
                Some(flags) => flags,
                None if via::takes(via::call(step), "flags") => vec!["MSG_NOSIGNAL".to_owned()],
                None => Vec::new(),
            },
            via: call_of(step),
        },
        "recv" => Action::Recv {
            size: size(step).unwrap_or(BUFFER),
            flags: flags(step).unwrap_or_default(),
            via: call_of(step),
        },
        "read" => Action::Read { size: size(step).unwrap_or(usize::MAX) },
        "fill" => Action::Fill,
        "shutdown" => Action::Shutdown {
            how: match (step.int("how"), step.word("how")) {
                (Some(n), _) => small(n),
                (_, Some("read")) => 0,
                (_, Some("write")) => 1,
                _ => 2,
            },
        },
        "close" => Action::Close,
        "abort" => Action::Abort,
        "disconnect" => Action::Disconnect { reuse: step.arg("reuse") == Some(&ArgValue::Bool(true)) },
        "setsockopt" => Action::SetOption {
            option: step.word("option").unwrap_or_default().to_owned(),
            value: match step.arg("value") {
                Some(ArgValue::Value(value)) => value.clone(),
                _ => option_value::WHERE_NOT_WRITTEN,
            },
        },
        "getsockopt" => Action::GetOption { option: step.word("option").unwrap_or_default().to_owned() },
        "getsockname" => Action::LocalName,
        "getpeername" => Action::PeerName,
        "ready" => Action::Ready {
            via: call_of(step),
            timeout: match step.arg("timeout") {
                Some(ArgValue::Duration(timeout)) => Some(Some(*timeout)),
                _ => None,
            },
        },
        other => return Err(HostFault::new(format!("`{other}` makes no call"))),
    };
    Ok(Call { socket: step.subject.clone(), action, mode: step.mode })
}

fn call_of(step: &Step) -> String {
    via::call(step).to_owned()
}

fn size(step: &Step) -> Option<usize> {
    step.int("size").and_then(|n| usize::try_from(n).ok())
}

fn data(step: &Step) -> Data {
    match step.arg("data") {
        Some(ArgValue::Data(payload)) => payload.data(),
        _ => Data::default(),
    }
}

fn flags(step: &Step) -> Option<Vec<String>> {
    match step.arg("flags") {
        Some(ArgValue::Flags(flags)) => Some(flags.clone()),
        _ => None,
    }
}

fn small(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(if n < 0 { i32::MIN } else { i32::MAX })
}
