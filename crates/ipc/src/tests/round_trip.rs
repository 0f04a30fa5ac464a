//! Every frame with any contents survives both codecs, in pieces of any size.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::peer::bytes_of;
use super::sample;
use crate::codec::CodecKind;
use crate::frame::{
    Ack, Body, Call, CallId, Cancel, CancelKind, Data, Drain, End, ErrorReport, Frame, HostCall, HostReply,
    LogLevel, LogRecord, Pong, Progress, Reply, ReplyOutcome, Scope, Started, Usage,
};
use crate::limit::LinkLimits;
use crate::reader::{FrameReader, Incoming};
use crate::testing::FaultyReader;

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

prop_compose! {
    fn call()(handler in text(), descriptor in text(), content_type in text(), deadline_us in of(any::<u64>()),
              grace_us: u64, n_input_streams in 0..=16_u32) -> Body {
        Call { handler, descriptor, content_type, deadline_us, grace_us, n_input_streams }.into()
    }
}

prop_compose! {
    fn report()(code in text(), message in text(), retryable: bool, step in of(text()), limit_us in of(any::<u64>()),
                details in of(text()), chain in vec(text(), 0..5), backtrace in of(text())) -> ErrorReport {
        ErrorReport { code, message, retryable, step, limit_us, details, chain, backtrace, ..ErrorReport::default() }
    }
}

prop_compose! {
    fn log()(message in text(), target in text(), fields in text(), seq: u64, offset_us: u64) -> Body {
        LogRecord { level: LogLevel::Warn, target, message, fields, seq, offset_us }.into()
    }
}

prop_compose! {
    fn usage()(run_us in of(any::<u64>()), peak_memory in of(any::<u64>()), written_bytes in of(any::<u64>())) -> Body {
        let usage = Usage { run_us, peak_memory, written_bytes, ..Usage::default() };
        Reply { content_type: String::new(), usage }.into()
    }
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        call(),
        report().prop_map(Body::from),
        log(),
        usage(),
        any::<u64>().prop_map(|waited_us| Started { waited_us }.into()),
        (text(), any::<u64>()).prop_map(|(reason, grace_us)| Cancel {
            kind: CancelKind::Limit,
            reason,
            grace_us
        }
        .into()),
        (of(0.0..=1.0_f32), text()).prop_map(|(fraction, note)| Progress { fraction, note }.into()),
        any::<u32>().prop_map(|stream| Data { stream }.into()),
        any::<(u32, u32)>().prop_map(|(stream, credit)| Ack { stream, credit }.into()),
        (any::<u32>(), of(text())).prop_map(|(stream, aborted)| End { stream, aborted }.into()),
        (any::<u32>(), text(), text(), text()).prop_map(|(id, service, method, args)| HostCall {
            id,
            service,
            method,
            args
        }
        .into()),
        (any::<u32>(), text())
            .prop_map(|(id, value)| HostReply { id, outcome: ReplyOutcome::Ok(value) }.into()),
        (any::<u32>(), report()).prop_map(|(id, report)| HostReply {
            id,
            outcome: ReplyOutcome::Err(Box::new(report))
        }
        .into()),
        any::<(u64, bool, Option<u64>)>().prop_map(|(nonce, busy, heartbeat_age_ms)| Pong {
            nonce,
            busy,
            heartbeat_age_ms
        }
        .into()),
        of(any::<u64>()).prop_map(|deadline_us| Drain { deadline_us }.into()),
        (0..sample::frames().len()).prop_map(|index| sample::frames().swap_remove(index).body),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    (1..=u64::MAX, body(), vec(any::<u8>(), 0..300)).prop_map(|(call, body, payload)| {
        let payload = if body.kind().has_payload() { Bytes::from(payload) } else { Bytes::new() };
        let call = if body.kind().scope() == Scope::Connection { CallId::CONNECTION } else { CallId(call) };
        Frame::new(call, body, payload)
    })
}

/// Reads frames from bytes that arrive in pieces.
pub(super) fn read_all(codec: CodecKind, bytes: &[u8], n_piece: usize) -> Vec<Frame> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut reader =
            FrameReader::new(FaultyReader::in_pieces(bytes, n_piece), codec, LinkLimits::default());
        let mut frames = Vec::new();
        while let Some(incoming) = reader.next().await.unwrap() {
            let Incoming::Frame(frame) = incoming else { panic!() };
            frames.push(frame);
        }
        frames
    })
}

proptest! {
    #[test]
    fn any_frame_survives_both_codecs(frames in vec(frame(), 1..4), n_piece in 1..400_usize) {
        for codec in CodecKind::ALL {
            let bytes = bytes_of(codec, &frames);
            prop_assert_eq!(&read_all(codec, &bytes, n_piece), &frames);
        }
    }
}

#[test]
fn every_kind_survives_both_codecs_byte_by_byte() {
    for codec in CodecKind::ALL {
        let frames = sample::frames();
        assert_eq!(read_all(codec, &bytes_of(codec, &frames), 1), frames);
    }
}
