//! A reader against bytes that no honest peer sends, and against streams that break at every offset.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::AsyncReadExt;

use super::peer::bytes_of;
use super::sample;
use crate::codec::CodecKind;
use crate::error::{FramePart, LinkError, Violation};
use crate::frame::{CallId, Data, Frame, HeaderError, Kind, RawHeader};
use crate::limit::{EAGER_RESERVE, LinkLimits, MIN_PAYLOAD_LIMIT, READ_CHUNK};
use crate::reader::{FrameReader, Incoming};
use crate::testing::{Fault, FaultyReader};

fn small() -> LinkLimits {
    LinkLimits::default().with_max_payload(MIN_PAYLOAD_LIMIT)
}

fn data(len: usize) -> Frame {
    Frame::new(CallId(1), Data { stream: 0 }, Bytes::from(vec![7; len]))
}

#[tokio::test]
async fn a_stream_split_anywhere_reads_the_same() {
    let frames = [data(3), data(40), data(0)];
    let bytes = bytes_of(CodecKind::Bincode, &frames);
    for at in 0..=bytes.len() {
        let mut reader = FrameReader::new(bytes[..at].chain(&bytes[at..]), CodecKind::Bincode, small());
        for frame in &frames {
            assert_eq!(reader.next().await.unwrap(), Some(Incoming::Frame(frame.clone())), "split at {at}");
        }
        assert_eq!(reader.next().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_stream_cut_anywhere_says_where() {
    let frames = [data(3), data(40)];
    let bytes = bytes_of(CodecKind::Bincode, &frames);
    let first = bytes_of(CodecKind::Bincode, &frames[..1]).len();
    for fault in [Fault::Eof, Fault::Reset] {
        for at in 0..=bytes.len() {
            let mut reader =
                FrameReader::new(FaultyReader::new(&bytes[..], at, fault), CodecKind::Bincode, small());
            let n_whole = usize::from(at >= first) + usize::from(at == bytes.len());
            for frame in &frames[..n_whole] {
                assert_eq!(reader.next().await.unwrap(), Some(Incoming::Frame(frame.clone())), "cut at {at}");
            }
            match reader.next().await {
                Ok(None) => assert!(at == 0 || at == first || at == bytes.len(), "cut at {at}"),
                Err(LinkError::Truncated { part, have, want }) => {
                    assert!(have < want, "cut at {at}");
                    let in_frame = if at < first { at } else { at - first };
                    assert_eq!(part == FramePart::Header, in_frame < 20, "cut at {at}");
                }
                other => panic!("cut at {at}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn lengths_beyond_all_bounds_end_the_connection_before_allocating() {
    let good = RawHeader::new(Kind::Data, CallId(1), 1, 1);
    for len in [0, 1, 15, 16, u32::MAX, u32::MAX - 20] {
        let bytes = RawHeader { len, ..good }.to_bytes();
        let mut reader = FrameReader::new(&bytes[..], CodecKind::Bincode, small());
        let err = reader.next().await.unwrap_err();
        assert!(matches!(err, LinkError::Violation(Violation::Header(_))), "{len}: {err:?}");
        assert_eq!(reader.held(), READ_CHUNK);
    }
}

#[tokio::test(start_paused = true)]
async fn an_announced_length_reserves_little_until_bytes_come() {
    let limits = LinkLimits::default();
    let mut bytes = bytes_of(CodecKind::Bincode, &[data(limits.max_payload as usize)]);
    bytes.truncate(300_000);
    for n_bytes in [100, 1_000, 40_000, 300_000] {
        let silent = FaultyReader::new(&bytes[..], n_bytes, Fault::Silence);
        let mut reader = FrameReader::new(silent, CodecKind::Bincode, limits);
        let read = tokio::time::timeout(std::time::Duration::from_secs(1), reader.next()).await;
        assert!(read.is_err(), "{read:?}");
        assert!(reader.held() <= READ_CHUNK + EAGER_RESERVE + 2 * n_bytes, "{} for {n_bytes}", reader.held());
    }
}

#[tokio::test]
async fn a_payload_above_the_limit_is_read_past() {
    let limit = MIN_PAYLOAD_LIMIT as usize;
    let frames = [data(limit), data(limit + 1), data(4 * limit), data(5)];
    let bytes = bytes_of(CodecKind::Json, &frames);
    let mut reader = FrameReader::new(FaultyReader::in_pieces(&bytes[..], 1000), CodecKind::Json, small());
    assert_eq!(reader.next().await.unwrap(), Some(Incoming::Frame(frames[0].clone())));
    for frame in &frames[1..3] {
        let expected = Incoming::Oversized {
            frame: Frame { payload: Bytes::new(), ..frame.clone() },
            payload_len: u32::try_from(frame.payload.len()).unwrap(),
            limit: MIN_PAYLOAD_LIMIT,
        };
        assert_eq!(reader.next().await.unwrap(), Some(expected));
    }
    assert_eq!(reader.next().await.unwrap(), Some(Incoming::Frame(frames[3].clone())));
}

#[tokio::test]
async fn a_payload_above_the_skip_limit_is_a_violation() {
    let bytes = RawHeader::new(Kind::Data, CallId(1), 0, 4 * MIN_PAYLOAD_LIMIT + 1).to_bytes();
    let mut reader = FrameReader::new(&bytes[..], CodecKind::Bincode, small());
    let err = reader.next().await.unwrap_err();
    assert!(
        matches!(err, LinkError::Violation(Violation::Header(HeaderError::Unskippable { .. }))),
        "{err:?}"
    );
}

#[tokio::test]
async fn a_meta_of_another_kind_is_a_violation() {
    for codec in CodecKind::ALL {
        let mut bytes = bytes_of(codec, &[data(0)]);
        bytes[4] = Kind::Call as u8;
        let err = FrameReader::new(&bytes[..], codec, small()).next().await.unwrap_err();
        assert!(
            matches!(err, LinkError::Violation(Violation::Meta { kind: Kind::Call, .. })),
            "{codec}: {err:?}"
        );
    }
}

/// Reads arbitrary bytes to their end; panics are the failure, and memory beyond what came.
fn survive(codec: CodecKind, bytes: &[u8], n_piece: usize) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut reader =
            FrameReader::new(FaultyReader::in_pieces(bytes, n_piece), codec, LinkLimits::default());
        let bound = READ_CHUNK + EAGER_RESERVE + 2 * bytes.len();
        loop {
            let read = reader.next().await;
            prop_assert!(reader.held() <= bound, "{} held for {} bytes", reader.held(), bytes.len());
            if !matches!(read, Ok(Some(_))) {
                return Ok(());
            }
        }
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..2000), n_piece in 1..500_usize) {
        for codec in CodecKind::ALL {
            survive(codec, &bytes, n_piece)?;
        }
    }

    #[test]
    fn arbitrary_metas_do_no_harm(index in 0..1000_usize, meta in vec(any::<u8>(), 0..600)) {
        let kind = Kind::ALL[index % Kind::ALL.len()];
        let call = CallId(u64::from(kind.scope() == crate::frame::Scope::Call));
        let header = RawHeader::new(kind, call, u32::try_from(meta.len()).unwrap(), 0);
        let bytes = [&header.to_bytes()[..], &meta].concat();
        for codec in CodecKind::ALL {
            survive(codec, &bytes, 64)?;
        }
    }

    #[test]
    fn damaged_frames_do_no_harm(flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for codec in CodecKind::ALL {
            let mut bytes = bytes_of(codec, &sample::frames());
            for (index, value) in &flips {
                *index.get_mut(&mut bytes) = *value;
            }
            survive(codec, &bytes, 4096)?;
        }
    }
}

#[test]
fn deep_nesting_in_a_meta_is_refused_without_recursion() {
    let deep = "[".repeat(200_000);
    for meta in [format!(r#"{{"stream":{deep}"#), format!(r#"{{"stream":0,"x":{deep}"#)] {
        let header = RawHeader::new(Kind::Data, CallId(1), u32::try_from(meta.len()).unwrap(), 0);
        survive(CodecKind::Json, &[&header.to_bytes()[..], meta.as_bytes()].concat(), 1 << 20).unwrap();
    }
    let header = RawHeader::new(Kind::Hello, CallId::CONNECTION, 200_000, 0);
    survive(CodecKind::Bincode, &[&header.to_bytes()[..], &vec![1; 200_000]].concat(), 1 << 20).unwrap();
}
