//! Each action as the system calls that a program would make.

use std::ffi::c_int;
use std::os::fd::IntoRawFd;
use std::time::Duration;

use super::raw::{self, Raw};
use super::transfer::{Received, Receiving, Sending};
use super::{address, flags, options, ready, signals};
use crate::host::HostFault;
use crate::host::call::{Action, Address, Choice, DescriptorKind, Family, Kind, Mode};
use crate::host::local::sys::{Answer, Cell, RawHandle, Sys};
use crate::outcome::{Data, Outcome, SeenAddress};

/// Makes a call.
pub(super) fn call(cell: &Cell, kind: Kind, action: &Action, mode: Mode) -> Result<Answer, HostFault> {
    let handle = cell.get();
    Ok(match action {
        Action::Socket { family, kind, protocol } => {
            made(raw::socket(domain(*family), socket_type(*kind), *protocol))
        }
        Action::Descriptor { what } => made(Ok(descriptor(*what)?)),
        Action::Bind { address } => plain(address::with(address, |at, length| raw::bind(handle, at, length))),
        Action::Listen { backlog } => plain(listen(handle, *backlog)),
        Action::Connect { to, via } => {
            only(via, "connect")?;
            connect(cell, to, mode)
        }
        Action::Accept { via, .. } => accept(cell, via, mode)?,
        Action::Dup { .. } => made(raw::dup(handle)),
        Action::Send { data, to, flags, via } => {
            send(cell, &data.0, &Sending::new(via, to.as_ref(), flags::number(flags)?)?, mode)
        }
        Action::Recv { size, flags, via } => {
            recv(cell, kind, *size, Receiving::new(via)?, flags::number(flags)?, mode)
        }
        Action::Shutdown { how } => cut(plain(once(handle, mode, || raw::shutdown(handle, *how)))),
        Action::Close => close(cell, mode, false),
        Action::Abort => close(cell, mode, true),
        Action::SetOption { option, value } => plain(options::set(handle, option, value)?),
        Action::GetOption { option } => Answer::new(options::get(handle, option)?),
        Action::LocalName => name(raw::local_name(handle)),
        Action::PeerName => name(raw::peer_name(handle)),
        Action::Ready { via, timeout } => interruptible(ready::ready(handle, via, *timeout)?),
        Action::Read { .. } | Action::Fill | Action::Disconnect { .. } => {
            return Err(HostFault::new("this system has no such call"));
        }
    })
}

fn only(via: &str, call: &str) -> Result<(), HostFault> {
    if via == call { Ok(()) } else { Err(HostFault::new(format!("this system has no call {via}"))) }
}

fn domain(family: Choice<Family>) -> c_int {
    match family {
        Choice::Known(Family::Ipv4) => libc::AF_INET,
        Choice::Known(Family::Ipv6) => libc::AF_INET6,
        Choice::Raw(number) => number,
    }
}

fn socket_type(kind: Choice<Kind>) -> c_int {
    match kind {
        Choice::Known(Kind::Stream) => libc::SOCK_STREAM,
        Choice::Known(Kind::Datagram) => libc::SOCK_DGRAM,
        Choice::Raw(number) => number,
    }
}

fn descriptor(what: DescriptorKind) -> Result<RawHandle, HostFault> {
    let fault = |error: std::io::Error| HostFault::new(format!("no such descriptor: {error}"));
    let fd = match what {
        DescriptorKind::Closed => return Ok(super::Native::NOTHING),
        // A file that is on every Unix; our own program may be replaced while it runs.
        DescriptorKind::File => std::fs::File::open("/dev/null").map_err(fault)?.into_raw_fd(),
        DescriptorKind::Pipe => std::io::pipe().map_err(fault)?.0.into_raw_fd(),
    };
    Ok(raw::handle(fd))
}

fn listen(handle: RawHandle, backlog: c_int) -> Raw<()> {
    raw::Borrowed::new(handle).listen(backlog).map_err(|error| raw::code(&error))
}

fn connect(cell: &Cell, to: &Address, mode: Mode) -> Answer {
    let handle = cell.get();
    let result = once(handle, mode, || address::with(to, |at, length| raw::connect(handle, at, length)));
    let result = match result {
        Err(libc::EINPROGRESS) if mode == Mode::Waiting => connected(cell),
        other => other,
    };
    plain(result)
}

/// Waits for the end of an attempt to connect. Linux reports an ICMP error over IPv4 to poll, by the error queue, before
/// SO_ERROR has it (net/ipv4/tcp_ipv4.c tcp_v4_err): for a moment the socket has an error, no reason, and no peer.
fn connected(cell: &Cell) -> Raw<()> {
    const MOMENT: Duration = Duration::from_micros(50);
    loop {
        let bits = raw::poll(cell.get(), libc::POLLOUT, FOR_EVER)?;
        options::pending_error(cell.get())?;
        let early = bits & (libc::POLLERR | libc::POLLHUP) == libc::POLLERR;
        if !early || raw::peer_name(cell.get()).is_ok() {
            return Ok(());
        }
        std::thread::sleep(MOMENT);
    }
}

fn accept(cell: &Cell, via: &str, mode: Mode) -> Result<Answer, HostFault> {
    let one: fn(RawHandle) -> Raw<(RawHandle, Option<std::net::SocketAddr>)> = match via {
        "accept" => raw::accept,
        #[cfg(any(target_os = "linux", target_os = "freebsd"))]
        "accept4" => accept4,
        _ => return Err(HostFault::new(format!("this system has no call {via}"))),
    };
    let result = repeated(cell, mode, libc::POLLIN, one);
    Ok(match result {
        Ok((handle, peer)) => {
            if mode != Mode::Blocking && cfg!(not(target_os = "linux")) {
                // BSDs let it inherit what was set for this one call.
                let _ = raw::set_nonblocking(handle, false);
            }
            Answer { made: Some(handle), peer, ..Answer::new(Ok(Outcome::Ok)) }
        }
        Err(code) => plain(Err(code)),
    })
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn accept4(listener: RawHandle) -> Raw<(RawHandle, Option<std::net::SocketAddr>)> {
    let made = nix::sys::socket::accept4(raw::fd(listener), nix::sys::socket::SockFlag::SOCK_CLOEXEC);
    let handle = raw::handle(made.map_err(|error| error as i32)?);
    Ok((handle, raw::peer_name(handle).ok().flatten()))
}

fn send(cell: &Cell, data: &[u8], sending: &Sending<'_>, mode: Mode) -> Answer {
    signals::forget();
    let mut taken = 0;
    let result = loop {
        match repeated(cell, mode, libc::POLLOUT, |handle| sending.call(handle, &data[taken..])) {
            Ok(n) => taken += n,
            Err(code) if taken == 0 => break Err(code),
            Err(_) => break Ok(()),
        }
        // A blocking call takes everything by itself.
        if mode != Mode::Waiting || taken >= data.len() {
            break Ok(());
        }
    };
    let outcome = if taken == data.len() { Outcome::Ok } else { Outcome::Bytes(taken as u64) };
    let mut answer = interruptible(result.map(|()| outcome));
    answer.cut |= taken < data.len() && mode != Mode::Nonblocking;
    answer.signal = signals::raised().then_some("SIGPIPE");
    answer
}

fn recv(cell: &Cell, kind: Kind, size: usize, receiving: Receiving, flags: c_int, mode: Mode) -> Answer {
    let mut buffer = vec![0; size];
    let ready = if flags & libc::MSG_OOB != 0 { libc::POLLPRI } else { libc::POLLIN };
    match repeated(cell, mode, ready, |handle| receiving.call(handle, &mut buffer, flags)) {
        Err(code) => plain(Err(code)),
        Ok(Received { size: n, from, flags: told }) => {
            let outcome = if flags & libc::MSG_TRUNC != 0 {
                // The length is what was asked for; nothing says that the bytes were copied.
                Outcome::Bytes(n as u64)
            } else if n == 0 && size > 0 && kind == Kind::Stream {
                Outcome::Eof
            } else {
                buffer.truncate(n);
                Outcome::Data(Data(buffer))
            };
            let outcome = if told.is_empty() {
                outcome
            } else {
                Outcome::Message { of: Box::new(outcome), msg_flags: told }
            };
            let mut answer = Answer::new(Ok(outcome));
            answer.peer = from;
            // Of nothing that was asked for, nothing comes whatever woke the call.
            answer.cut = (flags & libc::MSG_WAITALL != 0 && n < size) || size == 0;
            answer
        }
    }
}

fn close(cell: &Cell, mode: Mode, abort: bool) -> Answer {
    let handle = cell.take(super::Native::NOTHING);
    if mode != Mode::Blocking {
        let _ = raw::set_nonblocking(handle, true);
    }
    if abort && let Err(code) = raw::linger(handle, Some(0)) {
        // It is closed all the same, or the number would be lost.
        let closed = raw::close(handle);
        return plain(closed.and(Err(code)));
    }
    cut(plain(raw::close(handle)))
}

fn name(result: Raw<Option<std::net::SocketAddr>>) -> Answer {
    Answer::new(result.map(|address| match address {
        Some(address) => Outcome::Address(SeenAddress { address, names: Vec::new() }),
        None => Outcome::Text("no address".to_owned()),
    }))
}

/// The argument of poll.
const FOR_EVER: c_int = -1;

/// One call in its mode: for all but [`Mode::Blocking`] the socket is non-blocking for just this call. A call of
/// another thread that is in the kernel already keeps the mode that it came with.
fn once<T>(handle: RawHandle, mode: Mode, call: impl FnOnce() -> Raw<T>) -> Raw<T> {
    if mode == Mode::Blocking {
        return call();
    }
    // What is no socket, or no file, is told by the call itself.
    let set = raw::set_nonblocking(handle, true).is_ok();
    let result = call();
    if set {
        let _ = raw::set_nonblocking(handle, false);
    }
    result
}

/// Such a call, and for [`Mode::Waiting`] again and again when the socket is ready.
fn repeated<T>(cell: &Cell, mode: Mode, ready: i16, mut call: impl FnMut(RawHandle) -> Raw<T>) -> Raw<T> {
    loop {
        let handle = cell.get();
        match once(handle, mode, || call(handle)) {
            Err(libc::EAGAIN) if mode == Mode::Waiting => {
                raw::poll(cell.get(), ready, FOR_EVER)?;
            }
            other => return other,
        }
    }
}

fn made(result: Raw<RawHandle>) -> Answer {
    Answer { made: result.ok(), ..Answer::new(result.map(|_| Outcome::Ok)) }
}

fn plain(result: Raw<()>) -> Answer {
    interruptible(result.map(|()| Outcome::Ok))
}

fn interruptible(result: Raw<Outcome>) -> Answer {
    Answer { cut: result == Err(libc::EINTR), ..Answer::new(result) }
}

/// A call that may sleep and returns as if nothing were when it is interrupted.
fn cut(answer: Answer) -> Answer {
    Answer { cut: true, ..answer }
}
