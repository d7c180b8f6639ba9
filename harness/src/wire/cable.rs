//! One trial's share of the cable: its traffic, and the way to the ends.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::segment::Segment;
use super::traffic::{Delivery, Traffic};
use super::{PacketRecord, Side, icmp};
use crate::host::HostFault;

/// Brings a packet to an end. When it returns, the end has received the packet.
pub trait Port: Send + Sync {
    /// Gives a packet to an end.
    fn deliver(&self, to: Side, bytes: &[u8]) -> std::io::Result<()>;
}

/// One trial's share of the cable.
pub struct Cable {
    traffic: Mutex<Traffic>,
    changed: Condvar,
    port: Arc<dyn Port>,
    addresses: [[IpAddr; 2]; 2],
    echo: u16,
    settles: bool,
    begin: Instant,
}

/// How long an end may take to answer an echo request: it answers while the request is being delivered, so only a
/// machine that does nothing else comes near.
const ECHO_LIMIT: Duration = Duration::from_secs(5);

/// When an echo request is sent again.
const ECHO_AGAIN: Duration = Duration::from_millis(250);

/// An end that hands segments over to threads of its own is taken to be done with them when nothing has come from it
/// for so many naps. Naps and not one span of time: where the machine is slow, they are longer.
const QUIET_NAPS: u32 = 5;
const NAP: Duration = Duration::from_millis(10);

impl Cable {
    /// A share of its own for a trial whose ends have these addresses, IPv4 and IPv6. An end that `settles` answers an
    /// echo request before it is done with the segments in front of it.
    #[must_use]
    pub fn new(
        addresses: [[IpAddr; 2]; 2],
        raw: bool,
        echo: u16,
        settles: bool,
        port: Arc<dyn Port>,
    ) -> Self {
        Self {
            traffic: Mutex::new(Traffic::new(addresses, raw, echo)),
            changed: Condvar::new(),
            port,
            addresses,
            echo,
            settles,
            begin: Instant::now(),
        }
    }

    /// What the times of packets are counted from.
    #[must_use]
    pub fn begin(&self) -> Instant {
        self.begin
    }

    /// The addresses of an end, IPv4 and IPv6.
    #[must_use]
    pub fn addresses(&self, side: Side) -> [IpAddr; 2] {
        self.addresses[side as usize]
    }

    /// A packet has come from an end.
    pub fn arrive(&self, from: Side, bytes: &[u8]) {
        let mut traffic = self.lock();
        let deliveries = traffic.arrive(from, bytes, self.now());
        // Under the lock, so that no packet overtakes another.
        self.deliver(&deliveries);
        drop(traffic);
        self.changed.notify_all();
    }

    /// Changes the traffic and delivers what comes out of that.
    pub fn command(&self, change: impl FnOnce(&mut Traffic) -> Vec<Delivery>) {
        let mut traffic = self.lock();
        let deliveries = change(&mut traffic);
        self.deliver(&deliveries);
    }

    /// Looks at the traffic, or changes it without delivering anything.
    pub fn with<T>(&self, look: impl FnOnce(&mut Traffic) -> T) -> T {
        look(&mut self.lock())
    }

    /// Waits until something is there, at most for `limit`.
    pub fn wait_for<T>(
        &self,
        limit: Duration,
        mut found: impl FnMut(&mut Traffic) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + limit;
        let mut traffic = self.lock();
        loop {
            if let Some(found) = found(&mut traffic) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            traffic = self.changed.wait_timeout(traffic, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Injects a segment for an end.
    pub fn inject(&self, to: Side, segment: &Segment, wrong_checksum: bool) -> Result<(), HostFault> {
        let bytes = segment.packet(wrong_checksum).map_err(HostFault::new)?;
        let mut traffic = self.lock();
        let delivery = traffic.inject(to, segment, bytes, self.now());
        self.deliver(&[delivery]);
        Ok(())
    }

    /// Injects another packet for an end.
    pub fn inject_other(&self, to: Side, what: &str, ends: [SocketAddr; 2], bytes: Vec<u8>) {
        let mut traffic = self.lock();
        let delivery = traffic.inject_other(to, what.to_owned(), ends, bytes, self.now());
        self.deliver(&[delivery]);
    }

    /// Returns when everything that these ends have sent so far has arrived: an echo request makes them answer behind
    /// that.
    pub fn flush(&self, sides: &[Side], ipv6: bool) -> Result<(), HostFault> {
        for side in sides {
            self.echo(*side, ipv6)?;
        }
        self.settle();
        Ok(())
    }

    fn echo(&self, side: Side, ipv6: bool) -> Result<(), HostFault> {
        let family = usize::from(ipv6);
        let (to, from) =
            (self.addresses[side as usize][family], self.addresses[side.other() as usize][family]);
        let number = self.with(|traffic| traffic.echoed(side)).wrapping_add(1);
        let packet = icmp::echo(from, to, self.echo, number).map_err(HostFault::new)?;
        let begin = Instant::now();
        while begin.elapsed() < ECHO_LIMIT {
            // A request that was lost, because the device's queue was full, is sent again; an answer too many harms none.
            self.deliver(&[Delivery { to: side, bytes: packet.clone() }]);
            if self.wait_for(ECHO_AGAIN, |traffic| (traffic.echoed(side) == number).then_some(())).is_some() {
                return Ok(());
            }
        }
        Err(HostFault::new("an end of the wire does not answer an echo request"))
    }

    /// Waits until nothing comes any more from ends for which an answered echo request does not say so.
    fn settle(&self) {
        let mut naps = 0;
        let mut seen = self.with(|traffic| traffic.log().len());
        while self.settles && naps < QUIET_NAPS {
            std::thread::sleep(NAP);
            let now = self.with(|traffic| traffic.log().len());
            naps = if now == seen { naps + 1 } else { 0 };
            seen = now;
        }
    }

    /// Resets every connection at both ends: what is left of a trial is gone then.
    pub fn reset_all(&self) {
        let traffic = self.lock();
        let resets = traffic.resets();
        self.deliver(&resets);
    }

    /// Takes the packets for the record.
    pub fn take_log(&self) -> Vec<PacketRecord> {
        self.with(Traffic::take_log)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn deliver(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            // A packet that cannot be delivered is lost, as on any wire.
            let _ = self.port.deliver(delivery.to, &delivery.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
