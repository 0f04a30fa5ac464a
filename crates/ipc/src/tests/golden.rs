//! Protocol 1 byte by byte. A difference here means that peers built before and after do not understand each other:
//! raise the protocol number, and keep these files.

use std::fmt::Write as _;

use expect_test::{ExpectFile, expect_file};

use super::peer::bytes_of;
use super::sample;
use crate::codec::CodecKind;
use crate::frame::{HEADER_LEN, Kind};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn check(codec: CodecKind, golden: &ExpectFile, meta_text: fn(&[u8]) -> String) {
    let mut text = String::new();
    for frame in sample::frames() {
        let bytes = bytes_of(codec, std::slice::from_ref(&frame));
        let (head, payload) = bytes.split_at(bytes.len() - frame.payload.len());
        let (header, meta) = head.split_at(HEADER_LEN);
        writeln!(text, "{}\n  header  {}\n  meta    {}", frame.kind(), hex(header), meta_text(meta)).unwrap();
        if !payload.is_empty() {
            writeln!(text, "  payload {}", hex(payload)).unwrap();
        }
    }
    golden.assert_eq(&text);
}

#[test]
fn golden_bytes_of_protocol_1_in_bincode() {
    check(CodecKind::Bincode, &expect_file!["../../tests/golden/protocol-1.bincode.txt"], hex);
}

#[test]
fn golden_bytes_of_protocol_1_in_json() {
    let text = |meta: &[u8]| String::from_utf8(meta.to_vec()).unwrap();
    check(CodecKind::Json, &expect_file!["../../tests/golden/protocol-1.json.txt"], text);
}

#[test]
fn every_kind_has_a_sample() {
    let frames = sample::frames();
    for kind in Kind::ALL {
        assert!(frames.iter().any(|frame| frame.kind() == *kind), "{kind}");
    }
}
