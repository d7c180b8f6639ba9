//! Each action as the calls that a program would make.

use std::net::SocketAddr;

use windows_sys::Win32::Networking::WinSock as ws;

use super::context::{self, Context};
use super::raw::{self, Raw, Sets};
use super::thread::{self, unless_mistaken};
use super::{Native, address, descriptor, flags, options, overlapped, ready};
use crate::host::HostFault;
use crate::host::call::{Action, Address, Choice, Family, Kind, Mode};
use crate::host::local::sys::{Answer, Cell, RawHandle, Sys};
use crate::outcome::{Data, Outcome, SeenAddress};

/// Makes a call.
pub(super) fn call(cell: &Cell, kind: Kind, action: &Action, mode: Mode) -> Result<Answer, HostFault> {
    let handle = cell.get();
    thread::begin(handle);
    Ok(match action {
        Action::Socket { family, kind, protocol } => {
            made(raw::socket(number(*family), socket_type(*kind), *protocol))
        }
        Action::Descriptor { what } => made(Ok(descriptor::make(*what)?)),
        Action::Bind { address } => {
            plain(address::with_any(address, move |at, length| raw::bind(handle, at, length)))
        }
        Action::Listen { backlog } => plain(raw::listen(handle, *backlog)),
        Action::Connect { to, via } => connect(cell, to, via, mode)?,
        Action::Accept { via, .. } => accept(cell, via, mode)?,
        Action::Dup { .. } => made(raw::duplicate(handle)),
        Action::Send { data, to, flags, via } => {
            send(handle, &data.0, to.as_ref(), flags::number(flags)?, via, mode)?
        }
        Action::Recv { size, flags, via } => recv(cell, kind, *size, flags::number(flags)?, via, mode)?,
        Action::Shutdown { how } => cut(plain(once(handle, mode, || raw::shutdown(handle, *how)))),
        Action::Close => close(cell, mode, false),
        Action::Abort => close(cell, mode, true),
        Action::Disconnect { reuse } => plain(overlapped::disconnect(handle, *reuse, mode)),
        Action::SetOption { option, value } => plain(options::set(handle, option, value)?),
        Action::GetOption { option } => Answer::new(options::get(handle, option)?),
        Action::LocalName => name(raw::local_name(handle)),
        Action::PeerName => name(raw::peer_name(handle)),
        Action::Ready { via, timeout } => interruptible(ready::ready(handle, via, *timeout)?),
        Action::Read { .. } | Action::Fill => return Err(HostFault::new("not one call")),
    })
}

fn number(family: Choice<Family>) -> i32 {
    match family {
        Choice::Known(Family::Ipv4) => ws::AF_INET.into(),
        Choice::Known(Family::Ipv6) => ws::AF_INET6.into(),
        Choice::Raw(number) => number,
    }
}

fn socket_type(kind: Choice<Kind>) -> i32 {
    match kind {
        Choice::Known(Kind::Stream) => ws::SOCK_STREAM,
        Choice::Known(Kind::Datagram) => ws::SOCK_DGRAM,
        Choice::Raw(number) => number,
    }
}

fn connect(cell: &Cell, to: &Address, via: &str, mode: Mode) -> Result<Answer, HostFault> {
    let handle = cell.get();
    let one: fn(RawHandle, *const ws::SOCKADDR, i32) -> Raw<()> = match via {
        "connect" => raw::connect,
        "WSAConnect" => raw::wsa_connect,
        // Always overlapped; what is asked for is only whether its end is waited for.
        "ConnectEx" => return Ok(plain(overlapped::connect(handle, to, mode))),
        _ => return Err(unknown(via)),
    };
    let result = once(handle, mode, || address::with_any(to, move |at, length| one(handle, at, length)));
    Ok(plain(match result {
        Err(ws::WSAEWOULDBLOCK) if mode == Mode::Waiting => {
            // The end of a connect is writability, or an exception where it failed.
            let ends = Sets { read: false, write: true, except: true };
            raw::select(cell.get(), ends, None).and_then(|_| options::pending_error(cell.get()))
        }
        other => other,
    }))
}

fn accept(cell: &Cell, via: &str, mode: Mode) -> Result<Answer, HostFault> {
    let result = match via {
        "accept" => accept_plain(cell, mode),
        "AcceptEx" => unless_mistaken(cell, |listener| {
            let accepted = overlapped::accept(listener, mode)?;
            context::remember(accepted.socket, Context { listener, local: accepted.local });
            Ok((accepted.socket, accepted.peer))
        }),
        _ => return Err(unknown(via)),
    };
    Ok(match result {
        Ok((socket, peer)) => Answer { made: Some(socket), peer, ..Answer::new(Ok(Outcome::Ok)) },
        Err(code) => plain(Err(code)),
    })
}

fn accept_plain(cell: &Cell, mode: Mode) -> Raw<(RawHandle, Option<SocketAddr>)> {
    loop {
        match unless_mistaken(cell, |listener| once(listener, mode, || raw::accept(listener))) {
            Err(ws::WSAEWOULDBLOCK) if mode == Mode::Waiting => {
                let asked = Sets { read: true, write: false, except: false };
                unless_mistaken(cell, |listener| raw::select(listener, asked, None))?;
            }
            Ok(accepted) if mode != Mode::Blocking => {
                // It inherits what was set for this one call.
                let _ = raw::set_nonblocking(accepted.0, false);
                return Ok(accepted);
            }
            other => return other,
        }
    }
}

/// What is waited for is overlapped, and then `send` is WSASend.
fn send(
    handle: RawHandle,
    data: &[u8],
    to: Option<&Address>,
    flags: i32,
    via: &str,
    mode: Mode,
) -> Result<Answer, HostFault> {
    let native = |addressed| match mode {
        Mode::Waiting => overlapped::send(handle, data, flags, to, addressed, mode),
        _ => once(handle, mode, || overlapped::send(handle, data, flags, to, addressed, mode)),
    };
    let taken = match via {
        "send" if mode != Mode::Waiting => once(handle, mode, || raw::send(handle, data, flags)),
        "sendto" if mode != Mode::Waiting => once(handle, mode, || match to {
            None => raw::send_to(handle, data, flags, std::ptr::null(), 0),
            Some(to) => address::with(to, |at, length| raw::send_to(handle, data, flags, at, length)),
        }),
        "send" | "WSASend" => native(false),
        "sendto" | "WSASendTo" => native(true),
        _ => return Err(unknown(via)),
    };
    let outcome = taken.map(|n| if n == data.len() { Outcome::Ok } else { Outcome::Bytes(n as u64) });
    let partial = matches!(outcome, Ok(Outcome::Bytes(_)));
    let mut answer = interruptible(outcome);
    answer.cut |= partial && mode != Mode::Nonblocking;
    Ok(answer)
}

/// A call that receives into a buffer, with flags, and tells how much came and perhaps from whom.
type Receive = fn(RawHandle, &mut [u8], i32, Mode) -> Raw<(usize, Option<SocketAddr>)>;

/// What is waited for is overlapped, and then `recv` is WSARecv.
fn receive(via: &str, mode: Mode) -> Result<Receive, HostFault> {
    let waits = mode == Mode::Waiting;
    Ok(match via {
        "recv" if !waits => |handle, buffer, flags, _| raw::recv(handle, buffer, flags).map(|n| (n, None)),
        "recvfrom" if !waits => |handle, buffer, flags, _| raw::recv_from(handle, buffer, flags),
        "recv" | "WSARecv" => {
            |handle, buffer, flags, mode| overlapped::recv(handle, buffer, flags, mode).map(|n| (n, None))
        }
        "recvfrom" | "WSARecvFrom" => overlapped::recv_from,
        _ => return Err(unknown(via)),
    })
}

fn recv(
    cell: &Cell,
    kind: Kind,
    size: usize,
    flags: i32,
    via: &str,
    mode: Mode,
) -> Result<Answer, HostFault> {
    let receive = receive(via, mode)?;
    let mut buffer = vec![0; size];
    let got = unless_mistaken(cell, |handle| match mode {
        Mode::Waiting => receive(handle, &mut buffer, flags, mode),
        _ => once(handle, mode, || receive(handle, &mut buffer, flags, mode)),
    });
    Ok(match got {
        Err(code) => plain(Err(code)),
        Ok((n, peer)) => {
            let outcome = if n == 0 && size > 0 && kind == Kind::Stream {
                Outcome::Eof
            } else {
                buffer.truncate(n);
                Outcome::Data(Data(buffer))
            };
            let cut = flags & ws::MSG_WAITALL != 0 && n < size;
            Answer { peer, cut, ..Answer::new(Ok(outcome)) }
        }
    })
}

fn close(cell: &Cell, mode: Mode, abort: bool) -> Answer {
    let handle = cell.take(Native::NOTHING);
    if mode != Mode::Blocking {
        let _ = raw::set_nonblocking(handle, true);
    }
    if abort && let Err(code) = raw::linger(handle, Some(0)) {
        // It is closed all the same, or the number would be lost.
        let closed = descriptor::close(handle);
        return plain(closed.and(Err(code)));
    }
    cut(plain(descriptor::close(handle)))
}

fn name(result: Raw<Option<SocketAddr>>) -> Answer {
    Answer::new(result.map(|address| match address {
        Some(address) => Outcome::Address(SeenAddress { address, names: Vec::new() }),
        None => Outcome::Text("no address".to_owned()),
    }))
}

/// One call in its mode: for all but [`Mode::Blocking`] the socket is non-blocking for just this call. A call of
/// another thread that is in the kernel already keeps the mode that it came with.
fn once<T>(handle: RawHandle, mode: Mode, call: impl FnOnce() -> Raw<T>) -> Raw<T> {
    if mode == Mode::Blocking {
        return call();
    }
    // What is no socket is told by the call itself.
    let set = raw::set_nonblocking(handle, true).is_ok();
    let result = call();
    if set {
        let _ = raw::set_nonblocking(handle, false);
    }
    result
}

fn unknown(via: &str) -> HostFault {
    HostFault::new(format!("this system has no call {via}"))
}

fn made(result: Raw<RawHandle>) -> Answer {
    Answer { made: result.ok(), ..Answer::new(result.map(|_| Outcome::Ok)) }
}

fn plain(result: Raw<()>) -> Answer {
    interruptible(result.map(|()| Outcome::Ok))
}

/// The codes that a call has when it was cancelled.
fn interruptible(result: Raw<Outcome>) -> Answer {
    let cut = matches!(result, Err(ws::WSA_OPERATION_ABORTED | ws::WSAEINTR));
    Answer { cut, ..Answer::new(result) }
}

/// A call that may sleep and returns as if nothing were when it is cancelled.
fn cut(answer: Answer) -> Answer {
    Answer { cut: true, ..answer }
}
