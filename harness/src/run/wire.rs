//! Steps that command the cable or ask what went over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::names::Endpoint;
use super::steps::{Came, Runner};
use crate::case::args::ArgValue;
use crate::case::segment::SegmentSpec;
use crate::case::step::Step;
use crate::case::trial::TrialStep;
use crate::case::verbs::Subject;
use crate::host::HostFault;
use crate::host::call::{Address, Family};
use crate::outcome::{Outcome, SeenSegments};
use crate::record::{End, Sample};
use crate::wire::numbers::Sender;
use crate::wire::pattern::{Pattern, Rule};
use crate::wire::segment::{Flags, Segment};
use crate::wire::traffic::Act;
use crate::wire::want::SeenSegment;
use crate::wire::{Cable, Side, icmp};

impl Runner<'_> {
    pub(super) fn wire(&mut self, step: &TrialStep) -> Result<Came, HostFault> {
        let cable = self.cable()?;
        if step.step.verb.subject != Subject::Socket || step.step.verb.name == "inject" {
            // A rule is for what is sent from now on, and so is an answer: what was sent before is to have arrived.
            self.flush(&cable)?;
        }
        match step.step.verb.name {
            "hold" => self.rule(&step.step, &cable, Act::Hold),
            "drop" => self.rule(&step.step, &cable, Act::Drop),
            "duplicate" => self.rule(&step.step, &cable, Act::Duplicate),
            "pass" => self.rule(&step.step, &cable, Act::Pass),
            "release" => {
                let rule = self.resolve(&step.step)?;
                let reversed = step.step.word("order") == Some("reversed");
                cable.command(|traffic| traffic.release(&rule, count(&step.step), reversed));
                Ok(Came::of_look(Outcome::Ok, End::Done))
            }
            "cut" | "restore" => {
                let sides = match step.step.word("end") {
                    Some("client") => vec![Side::Client],
                    Some(_) => vec![Side::Server],
                    None => vec![Side::Client, Side::Server],
                };
                cable.with(|traffic| traffic.cut(&sides, step.step.verb.name == "cut"));
                Ok(Came::of_look(Outcome::Ok, End::Done))
            }
            "sent" => self.sent(step, &cable),
            "inject" => self.inject(step, &cable),
            other => Err(HostFault::new(format!("`{other}` does nothing on a wire"))),
        }
    }

    /// Returns when all that was sent so far has arrived at the cable.
    pub(super) fn flush(&self, cable: &Cable) -> Result<(), HostFault> {
        let sides: &[Side] = if self.has_server() { &[Side::Client, Side::Server] } else { &[Side::Client] };
        cable.flush(sides, self.family() == Family::Ipv6)
    }

    fn rule(&self, step: &Step, cable: &Arc<Cable>, act: Act) -> Result<Came, HostFault> {
        let rule = self.resolve(step)?;
        cable.with(|traffic| traffic.order(rule, act, count(step)));
        Ok(Came::of_look(Outcome::Ok, End::Done))
    }

    /// The pattern of a step, with the address of the socket that it names.
    fn resolve(&self, step: &Step) -> Result<Rule, HostFault> {
        let Pattern { kind, from } = Pattern::parse(&step.subject).map_err(HostFault::new)?;
        let from = from.map(|name| self.local(&name)).transpose()?;
        Ok(Rule { kind, from })
    }

    fn local(&self, name: &str) -> Result<SocketAddr, HostFault> {
        let local = self.names().get(name).local;
        local.ok_or_else(|| {
            HostFault::new(format!("`{name}` has no address yet by which its segments are known"))
        })
    }

    /// Takes segments of a socket as they come.
    fn sent(&mut self, step: &TrialStep, cable: &Arc<Cable>) -> Result<Came, HostFault> {
        let local = self.local(&step.step.subject)?;
        let limit = self.limit(&step.step);
        let wanted = step.expectation.gaps.as_ref().map_or(1, |gaps| gaps.len() + 1);
        let mut found = Vec::new();
        let mut seen = Vec::new();
        if let Some(want) = step.step.wanted_segment() {
            // What else is expected of it picks no other segment, but shows in the outcome.
            let end = Instant::now() + limit;
            while found.len() < wanted {
                let left = end.saturating_duration_since(Instant::now());
                let peer = self.names().get(&step.step.subject).peer;
                let next = cable.wait_for(left, |traffic| {
                    let names = peer.map(|peer| traffic.senders(local, peer).0.names()).unwrap_or_default();
                    traffic.next_sent(local, |segment| want.accepts(segment, &names))
                });
                let Some((at, segment)) = next else { break };
                seen.push(Sample { at, value: Outcome::Segments(one(segment.clone())) });
                found.push(segment);
            }
        }
        let complete = step.step.wanted_segment().is_none() || found.len() == wanted;
        let end = if complete { End::Done } else { End::Limit };
        let mut segments: Vec<SeenSegment> = found.into_iter().take(1).collect();
        if step.step.word("rest") == Some("none") && complete {
            let side = self.names().get(&step.step.subject).side;
            cable.flush(&[side], local.is_ipv6())?;
            cable.with(|traffic| {
                let start = traffic.read_to(local);
                segments.extend(traffic.sent_since(local, start));
                let read = traffic.log().len();
                traffic.set_read(local, read);
            });
        }
        if !complete {
            segments.clear();
        }
        let names = self.peer_names(&step.step.subject, cable);
        let mut came = Came::of_look(Outcome::Segments(SeenSegments { segments, names }), end);
        if step.expectation.gaps.is_some() {
            came.seen = seen;
        }
        Ok(came)
    }

    fn peer_names(&self, name: &str, cable: &Arc<Cable>) -> std::collections::BTreeMap<String, i64> {
        let endpoint = self.names().get(name);
        match (endpoint.local, endpoint.peer) {
            (Some(local), Some(peer)) => cable.with(|traffic| traffic.senders(local, peer).0.names()),
            _ => Default::default(),
        }
    }

    fn inject(&mut self, step: &TrialStep, cable: &Arc<Cable>) -> Result<Came, HostFault> {
        let name = step.step.subject.clone();
        let target = self.names().get(&name);
        let local = self.local(&name)?;
        let peer = match (step.step.address("from"), target.peer) {
            (None, Some(peer)) => peer,
            (from, _) => self.far_address(&name, from)?,
        };
        if let Some(new) = step.step.word("as") {
            self.names_mut().set(new, Endpoint { peer: Some(peer), without_socket: true, ..target });
        }
        let (receiver, sender) = cable.with(|traffic| traffic.senders(local, peer));
        let names = receiver.names();
        let start = cable.with(|traffic| traffic.log().len());
        match (step.step.segment(), step.step.word("icmp")) {
            (Some(spec), None) => {
                let segment = segment(spec, [peer, local], &receiver, &sender)?;
                cable.inject(target.side, &segment, spec.wrong_checksum)?;
            }
            (None, Some(error)) => {
                let packet = error_packet(&step.step, error, [peer, local], &receiver, cable)?;
                cable.inject_other(target.side, &format!("ICMP {error}"), [peer, local], packet);
            }
            _ => return Err(HostFault::new("`inject` has a `segment` or an `icmp`")),
        }
        cable.flush(&[target.side], local.is_ipv6())?;
        // The injected packet itself seems to come from the peer, and so is not among these.
        let segments = cable.with(|traffic| traffic.answers_since(local, peer, start));
        Ok(Came::of_look(Outcome::Segments(SeenSegments { segments, names }), End::Done))
    }

    fn far_address(
        &mut self,
        name: &str,
        from: Option<&crate::case::address::AddressExpr>,
    ) -> Result<SocketAddr, HostFault> {
        let nobody = crate::case::address::AddressExpr::parse("nobody").map_err(HostFault::new)?;
        match self.resolve_address(from.unwrap_or(&nobody), name)? {
            Address::Is(address) => Ok(address),
            _ => Err(HostFault::new("a segment comes from an address")),
        }
    }
}

fn one(segment: SeenSegment) -> SeenSegments {
    SeenSegments { segments: vec![segment], names: Default::default() }
}

fn count(step: &Step) -> Option<usize> {
    step.int("count").and_then(|n| usize::try_from(n).ok())
}

/// The segment that a peer would send: next in order, and acknowledging all, where the case does not say otherwise.
fn segment(
    spec: &SegmentSpec,
    [from, to]: [SocketAddr; 2],
    receiver: &Sender,
    sender: &Sender,
) -> Result<Segment, HostFault> {
    let names = receiver.names();
    let value = |expression: &Option<crate::wire::numbers::Expression>, default: i64| match expression {
        Some(expression) => expression.value(&names).map_err(HostFault::new),
        None => Ok(default),
    };
    let flags = spec.flags();
    let seq = value(&spec.want.seq, receiver.acknowledged)?;
    let ack = value(&spec.want.ack, receiver.next)?;
    let window = value(&spec.want.window, i64::from(u16::MAX) << sender.scale(receiver))?;
    Ok(Segment {
        from,
        to,
        flags,
        seq: sender.absolute(seq),
        ack: if flags.has(Flags::ACK) { receiver.absolute(ack) } else { 0 },
        window: u16::try_from(window >> sender.scale(receiver)).unwrap_or(u16::MAX),
        urgent: spec.urgent,
        options: spec.options.clone(),
        payload: spec.data.0.clone(),
    })
}

/// An ICMP error about the last packet that a socket has sent, perhaps with another sequence number in the quote.
fn error_packet(
    step: &Step,
    error: &str,
    [peer, local]: [SocketAddr; 2],
    receiver: &Sender,
    cable: &Arc<Cable>,
) -> Result<Vec<u8>, HostFault> {
    let quoted = cable.with(|traffic| traffic.last_packet(local).map(|record| record.bytes.clone()));
    let mut quote = quoted.ok_or_else(|| HostFault::new("there is no packet to be quoted yet"))?;
    if let Some(ArgValue::Expression(seq)) = step.arg("seq") {
        let seq = receiver.absolute(seq.value(&receiver.names()).map_err(HostFault::new)?);
        let header = if local.is_ipv4() { usize::from(quote[0] & 0xf) * 4 } else { 40 };
        if let Some(field) = quote.get_mut(header + 4..header + 8) {
            field.copy_from_slice(&seq.to_be_bytes());
        }
    }
    let mtu = step.int("mtu").and_then(|n| u16::try_from(n).ok()).unwrap_or(1280);
    icmp::error(error, peer.ip(), local.ip(), mtu, &quote).map_err(HostFault::new)
}
