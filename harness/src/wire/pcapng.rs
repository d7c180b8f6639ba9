//! Captures: the packets of a trial as a pcapng file (draft-ietf-opsawg-pcapng), which Wireshark opens.
//!
//! One interface, the cable. Times count from the beginning of the trial, in ns. Each packet has a comment with the step
//! in which it came and what became of it; what the client's end sends is outbound. A held packet stands where it came.

use super::{PacketRecord, Side};

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
/// The packet begins with its IP header.
const RAW: u16 = 101;

const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const PACKET_FLAGS: u16 = 2;
const USER_APPLICATION: u16 = 4;
const RESOLUTION: u16 = 9;

/// The file for these packets of a trial whose steps have these texts.
#[must_use]
pub fn file(packets: &[PacketRecord], steps: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, SECTION, |body| {
        body.extend(0x1A2B_3C4D_u32.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        // The length of the section is not told.
        body.extend(u64::MAX.to_le_bytes());
        option(body, USER_APPLICATION, b"sockspec");
        end_of_options(body);
    });
    block(&mut out, INTERFACE, |body| {
        body.extend(RAW.to_le_bytes());
        body.extend([0; 2]);
        // Packets are never cut short.
        body.extend(0_u32.to_le_bytes());
        option(body, INTERFACE_NAME, b"cable");
        option(body, RESOLUTION, &[9]);
        end_of_options(body);
    });
    // A record that was read from results.json has no bytes.
    for packet in packets.iter().filter(|packet| !packet.bytes.is_empty()) {
        block(&mut out, PACKET, |body| enhanced(body, packet, steps));
    }
    out
}

fn enhanced(body: &mut Vec<u8>, packet: &PacketRecord, steps: &[String]) {
    let [low, high] = [packet.at as u32, (packet.at >> 32) as u32];
    let length = packet.bytes.len() as u32;
    for word in [0, high, low, length, length] {
        body.extend(word.to_le_bytes());
    }
    body.extend(&packet.bytes);
    pad(body);
    option(body, COMMENT, comment(packet, steps).as_bytes());
    let direction: u32 = match packet.from {
        Side::Server => 1,
        Side::Client => 2,
    };
    option(body, PACKET_FLAGS, &direction.to_le_bytes());
    end_of_options(body);
}

fn comment(packet: &PacketRecord, steps: &[String]) -> String {
    let step = steps.get(packet.step).map(|text| format!(": {text}")).unwrap_or_default();
    format!("step {}{step}; {}", packet.step + 1, packet.fate)
}

/// Type, length, body, and the length again.
fn block(out: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    let length = (body.len() as u32 + 12).to_le_bytes();
    out.extend(kind.to_le_bytes());
    out.extend(length);
    out.extend(body);
    out.extend(length);
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let mut value = value;
    while u16::try_from(value.len()).is_err() {
        value = &value[..usize::from(u16::MAX)];
    }
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// To a multiple of four. All that is in front is one.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::segment::{Flags, Segment};

    fn packet(from: Side, flags: &str, step: usize, fate: &str) -> PacketRecord {
        let ends = ["10.1.0.1:5000", "10.2.0.1:80"].map(|text| text.parse().unwrap());
        let [source, destination] = if from == Side::Client { ends } else { [ends[1], ends[0]] };
        let segment = Segment {
            from: source,
            to: destination,
            flags: Flags::parse(flags).unwrap(),
            seq: 1,
            ack: 1,
            window: 100,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
        };
        PacketRecord {
            at: 0x1_0000_0002,
            from,
            source,
            destination,
            text: flags.to_owned(),
            fate: fate.to_owned(),
            step,
            segment: None,
            bytes: segment.packet(false).unwrap(),
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let mut one = packet(Side::Server, "FIN+ACK", 0, "held");
        one.bytes = b"ABCDE".to_vec();
        let mut expected: Vec<u8> = Vec::new();
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        // Section header: type, length, magic, version 1.0, unknown length, option 4 of 8 bytes, end.
        expected.extend(words(&[0x0A0D_0D0A, 44, 0x1A2B_3C4D, 1, u32::MAX, u32::MAX, 0x0008_0004]));
        expected.extend(b"sockspec");
        expected.extend(words(&[0, 44]));
        // Interface: link type 101, no snap length, option 2 of 5 bytes, option 9 of one byte, end.
        expected.extend(words(&[1, 44, 101, 0, 0x0005_0002]));
        expected.extend(b"cable\0\0\0");
        expected.extend(words(&[0x0001_0009, 9, 0, 44]));
        // Packet: interface, time high and low, lengths, data, comment of 17 bytes, flags, end.
        expected.extend(words(&[6, 76, 0, 1, 2, 5, 5]));
        expected.extend(b"ABCDE\0\0\0");
        expected.extend(words(&[0x0011_0001]));
        expected.extend(b"step 1: now; held\0\0\0");
        expected.extend(words(&[0x0004_0002, 1, 0, 76]));
        assert_eq!(file(&[one], &["now".to_owned()]), expected);
    }

    #[test]
    fn what_has_no_bytes_is_left_out() {
        let mut empty = packet(Side::Client, "SYN", 3, "passed");
        empty.bytes.clear();
        assert_eq!(file(&[empty], &[]), file(&[], &[]));
        assert_eq!(comment(&packet(Side::Client, "SYN", 3, "passed"), &[]), "step 4; passed");
    }

    #[test]
    fn tshark_reads_it() {
        use std::process::Command;
        let there = Command::new("tshark").arg("--version").output().is_ok();
        if !there {
            return;
        }
        let path = std::env::temp_dir().join(format!("sockspec-{}.pcapng", std::process::id()));
        let packets = [
            packet(Side::Client, "FIN+ACK", 1, "held, released in step 6"),
            packet(Side::Server, "FIN+ACK", 2, "held, released in step 6"),
        ];
        let steps = ["hold FIN", "shutdown client", "shutdown server"].map(str::to_owned);
        std::fs::write(&path, file(&packets, &steps)).unwrap();
        let fields = [
            "frame.time_epoch",
            "ip.src",
            "tcp.flags.fin",
            "tcp.checksum.status",
            "frame.packet_flags_direction",
        ];
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&path).args([
            "-T",
            "fields",
            "-o",
            "tcp.check_checksum:TRUE",
            "-E",
            "separator=,",
        ]);
        let output = command
            .args(fields.iter().flat_map(|field| ["-e", field]))
            .args(["-e", "frame.comment"])
            .output();
        std::fs::remove_file(&path).unwrap();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text} {}", String::from_utf8_lossy(&output.stderr));
        assert!(lines[0].starts_with("4.294967298") && lines[0].contains(",10.1.0.1,1,1,"), "{text}");
        assert!(lines[0].ends_with("step 2: shutdown client; held, released in step 6"), "{text}");
        assert!(lines[1].contains(",10.2.0.1,1,1,"), "{text}");
    }
}
