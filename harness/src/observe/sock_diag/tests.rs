//! Tests of messages everywhere, and of real sockets on Linux.

use super::*;

/// An answer as the kernel lays it out.
fn answer(family: u8, state: u8, ports: [u16; 2], ips: [IpAddr; 2], queues: [u32; 2]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(88_u32.to_ne_bytes());
    message.extend(20_u16.to_ne_bytes());
    message.extend([0; 2]);
    message.extend(7_u32.to_ne_bytes());
    message.extend([0; 4]);
    message.extend([family, state, 0, 0]);
    message.extend(ports.map(u16::to_be_bytes).concat());
    message.extend(ips.map(sixteen).concat());
    message.extend([0; 4 + 8 + 4]);
    message.extend(queues.map(u32::to_ne_bytes).concat());
    message.extend([0; 8]);
    message
}

fn refused(code: i32) -> Vec<u8> {
    let mut message = vec![0; 16];
    message[4..6].copy_from_slice(&2_u16.to_ne_bytes());
    message.extend(code.to_ne_bytes());
    message
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_request_is_as_the_kernel_wants_it() {
    let message = request(Kind::Stream, address("127.0.0.1:80"), Some(address("127.0.0.2:81")), 7);
    assert_eq!(message.len(), 72);
    assert_eq!(sequence(&message), Some(7));
    assert_eq!(message[16..20], [2, 6, 0, 0]);
    assert_eq!(message[24..28], [0, 80, 0, 81]);
    assert_eq!(message[28..32], [127, 0, 0, 1]);
    assert_eq!(message[44..48], [127, 0, 0, 2]);
    assert_eq!(message[64..], [0xFF; 8]);
    let udp = request(Kind::Datagram, address("127.0.0.1:80"), None, 7);
    assert_eq!(udp[24..28], [0, 0, 0, 80], "the other way round");
    let mapped =
        request(Kind::Stream, address("[::ffff:127.0.0.1]:80"), Some(address("[::ffff:127.0.0.2]:81")), 7);
    assert_eq!(mapped, message);
}

#[test]
fn an_answer_about_something_else_is_no_answer() {
    let ips = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
    let (local, peer) = (address("127.0.0.1:80"), address("127.0.0.2:81"));
    let found = answer(2, 1, [80, 81], ips, [5, 9]);
    let Reply::Found(entry) = decode(&found, local, Some(peer)).unwrap() else { panic!("not found") };
    assert_eq!((entry.state, entry.local, entry.peer), (TcpState::Established, local, Some(peer)));
    assert_eq!((entry.received, entry.unsent), (Some(5), Some(9)));
    let listener = answer(2, 10, [80, 0], [ips[0], Ipv4Addr::UNSPECIFIED.into()], [0, 0]);
    assert_eq!(decode(&listener, local, Some(peer)).unwrap(), Reply::NotFound);
    let wildcard = answer(2, 10, [80, 0], [Ipv4Addr::UNSPECIFIED.into(); 2], [0, 0]);
    assert_eq!(decode(&wildcard, local, None).unwrap(), Reply::NotFound);
    assert!(matches!(decode(&wildcard, address("0.0.0.0:80"), None).unwrap(), Reply::Found(_)));
}

#[test]
fn mapped_answers_and_requests_in_the_making_are_understood() {
    let mapped = |last| IpAddr::V6(Ipv4Addr::new(127, 0, 0, last).to_ipv6_mapped());
    let message = answer(10, 12, [80, 81], [mapped(1), mapped(2)], [0, 0]);
    let Reply::Found(entry) =
        decode(&message, address("127.0.0.1:80"), Some(address("127.0.0.2:81"))).unwrap()
    else {
        panic!("not found")
    };
    assert_eq!((entry.state, entry.local), (TcpState::SynReceived, address("127.0.0.1:80")));
}

#[test]
fn a_fin_is_no_byte() {
    let ips = [IpAddr::from([127, 0, 0, 1]); 2];
    let queues = |state, queues| {
        let local = address("127.0.0.1:80");
        match decode(&answer(2, state, [80, 81], ips, queues), local, Some(address("127.0.0.1:81"))).unwrap()
        {
            Reply::Found(entry) => (entry.received.unwrap(), entry.unsent.unwrap()),
            Reply::NotFound => panic!("not found"),
        }
    };
    assert_eq!(queues(8, [6, 3]), (5, 3));
    assert_eq!(queues(8, [0, 0]), (0, 0));
    assert_eq!(queues(4, [6, 3]), (6, 2));
    assert_eq!(queues(2, [0, 1]), (0, 0));
}

#[test]
fn refusals_are_named() {
    let local = address("127.0.0.1:80");
    assert_eq!(decode(&refused(-2), local, None).unwrap(), Reply::NotFound);
    assert_eq!(decode(&refused(-1), local, None).unwrap_err(), "sock_diag refused: EPERM");
    assert!(decode(&refused(i32::MIN), local, None).is_err());
    assert!(decode(&[0; 3], local, None).is_err());
    assert!(decode(&[0; 16], local, None).unwrap_err().contains("type 0"));
    assert!(
        decode(&answer(2, 1, [1, 2], [Ipv4Addr::LOCALHOST.into(); 2], [0, 0])[..60], local, None).is_err()
    );
}

#[cfg(target_os = "linux")]
mod kernel {
    //! The kernel itself, on loopback.

    use std::io::Write;
    use std::net::Shutdown;
    use std::time::{Duration, Instant};

    use socket2::{Domain, Protocol, SockAddr, Socket, Type};

    use super::*;

    /// Looks until the state is there: the far end's part of a close may come a delayed acknowledgement later.
    #[track_caller]
    fn wait(diag: &SockDiag, local: SocketAddr, peer: SocketAddr, wanted: Option<TcpState>) {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let state = diag.state(Kind::Stream, local, Some(peer)).unwrap().map(|entry| entry.state);
            if state == wanted {
                return;
            }
            assert!(Instant::now() < end, "{local} -> {peer} is in {state:?}, not in {wanted:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn socket(address: SocketAddr) -> Socket {
        Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).unwrap()
    }

    fn listener(text: &str) -> (Socket, SocketAddr) {
        let socket = socket(address(text));
        socket.bind(&address(text).into()).unwrap();
        socket.listen(5).unwrap();
        let local = name(socket.local_addr());
        (socket, local)
    }

    fn name(address: std::io::Result<SockAddr>) -> SocketAddr {
        address.unwrap().as_socket().unwrap()
    }

    fn connect(to: SocketAddr) -> (Socket, SocketAddr) {
        let client = socket(to);
        client.connect(&to.into()).unwrap();
        let local = name(client.local_addr());
        (client, local)
    }

    fn life_of_a_connection(bind: &str) {
        let diag = SockDiag::open().unwrap();
        let (listening, at) = listener(bind);
        assert_eq!(diag.state(Kind::Stream, at, None).unwrap().unwrap().state, TcpState::Listen);
        let (client, here) = connect(at);
        wait(&diag, here, at, Some(TcpState::Established));
        wait(&diag, at, here, Some(TcpState::Established));
        let waiting = diag.state(Kind::Stream, at, None).unwrap().unwrap();
        assert_eq!(waiting.received, Some(1), "one connection waits to be accepted");
        let (server, _) = listening.accept().unwrap();
        (&client).write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        wait(&diag, here, at, Some(TcpState::FinWait2));
        wait(&diag, at, here, Some(TcpState::CloseWait));
        let half = diag.state(Kind::Stream, at, Some(here)).unwrap().unwrap();
        assert_eq!((half.received, half.unsent), (Some(5), Some(0)));
        drop(client);
        wait(&diag, here, at, Some(TcpState::FinWait2));
        let mut buffer = [std::mem::MaybeUninit::uninit(); 16];
        assert_eq!(server.recv(&mut buffer).unwrap(), 5, "else the close would be a reset");
        drop(server);
        wait(&diag, here, at, Some(TcpState::TimeWait));
        wait(&diag, at, here, None); // although the listener is still there
        assert!(diag.state(Kind::Stream, at, None).unwrap().is_some());
        drop(listening);
        assert_eq!(diag.state(Kind::Stream, at, None).unwrap(), None);
    }

    #[test]
    fn ipv4() {
        life_of_a_connection("127.0.0.1:0");
    }

    #[test]
    fn ipv6() {
        life_of_a_connection("[::1]:0");
    }

    #[test]
    fn wildcard_listeners_are_found_by_their_own_name_only() {
        let diag = SockDiag::open().unwrap();
        for bind in ["0.0.0.0:0", "[::]:0"] {
            let (_listening, at) = listener(bind);
            let found = diag.state(Kind::Stream, at, None).unwrap().unwrap();
            assert_eq!((found.state, found.local, found.peer), (TcpState::Listen, at, None));
            let specific = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.port());
            assert_eq!(diag.state(Kind::Stream, specific, None).unwrap(), None);
        }
    }

    #[test]
    fn a_bound_socket_that_does_not_listen_is_not_in_the_table() {
        let diag = SockDiag::open().unwrap();
        let socket = socket(address("127.0.0.1:0"));
        socket.bind(&address("127.0.0.1:0").into()).unwrap();
        assert_eq!(diag.state(Kind::Stream, name(socket.local_addr()), None).unwrap(), None);
    }

    #[test]
    fn a_dual_stack_server_is_found_under_both_names() {
        let diag = SockDiag::open().unwrap();
        let dual = socket(address("[::]:0"));
        dual.set_only_v6(false).unwrap();
        dual.bind(&address("[::]:0").into()).unwrap();
        dual.listen(5).unwrap();
        let at = name(dual.local_addr());
        assert_eq!(diag.state(Kind::Stream, at, None).unwrap().unwrap().local, at);
        let (_client, here) = connect(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.port()));
        let (server, _) = dual.accept().unwrap();
        let (local, peer) = (name(server.local_addr()), name(server.peer_addr()));
        assert!(local.is_ipv6() && peer.is_ipv6());
        wait(&diag, local, peer, Some(TcpState::Established));
        wait(&diag, canonical(local), canonical(peer), Some(TcpState::Established));
        wait(&diag, here, canonical(local), Some(TcpState::Established));
    }

    #[test]
    fn a_mapped_listener_is_found() {
        let diag = SockDiag::open().unwrap();
        let dual = socket(address("[::]:0"));
        dual.set_only_v6(false).unwrap();
        dual.bind(&address("[::ffff:127.0.0.1]:0").into()).unwrap();
        dual.listen(5).unwrap();
        let at = name(dual.local_addr());
        assert_eq!(diag.state(Kind::Stream, at, None).unwrap().unwrap().state, TcpState::Listen);
        assert_eq!(diag.state(Kind::Stream, canonical(at), None).unwrap().unwrap().state, TcpState::Listen);
    }

    #[test]
    fn a_connect_into_a_full_queue_is_in_syn_sent() {
        let diag = SockDiag::open().unwrap();
        let full = socket(address("127.0.0.1:0"));
        full.bind(&address("127.0.0.1:0").into()).unwrap();
        full.listen(0).unwrap();
        let at = name(full.local_addr());
        let _queued = connect(at);
        let waiting = socket(at);
        waiting.set_nonblocking(true).unwrap();
        assert!(waiting.connect(&at.into()).is_err());
        let entry = diag.state(Kind::Stream, name(waiting.local_addr()), Some(at)).unwrap().unwrap();
        assert_eq!((entry.state, entry.unsent), (TcpState::SynSent, Some(0)));
    }

    #[test]
    fn datagram_sockets_are_found() {
        let diag = SockDiag::open().unwrap();
        for bind in ["127.0.0.1:0", "[::1]:0"] {
            let receiver = std::net::UdpSocket::bind(bind).unwrap();
            let sender = std::net::UdpSocket::bind(bind).unwrap();
            let (at, here) = (receiver.local_addr().unwrap(), sender.local_addr().unwrap());
            sender.connect(at).unwrap();
            sender.send(b"hello").unwrap();
            let unconnected = diag.state(Kind::Datagram, at, None).unwrap().unwrap();
            assert!(unconnected.received > Some(0), "counts what the buffer takes up, not the payload");
            assert!(diag.state(Kind::Datagram, here, Some(at)).unwrap().is_some());
            assert_eq!(diag.state(Kind::Datagram, at, Some(here)).unwrap(), None);
        }
    }
}
