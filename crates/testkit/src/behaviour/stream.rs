//! Streams: order, end, back-pressure and breaking off, in both directions.

use bytes::Bytes;
use plugdock_contracts::{ErrorCode, ExecutionEvent};
use serde_json::json;

use crate::harness::{Harness, wait_for, within_ceiling};

/// What may be on the way between a handler and a caller that takes nothing: windows and buffers, no matter whose.
const MOST_ON_THE_WAY: u64 = 2 << 20;

pub(crate) async fn pieces_come_in_order_and_end_before_the_result(h: &mut Harness) {
    let taken = h.take(h.request("pieces", &json!({ "n": 100, "size": 10 }))).await;
    assert_eq!(numbers(&taken.data()), (0..100).collect::<Vec<_>>());
    let ends = taken.events.iter().filter(|event| matches!(event, ExecutionEvent::DataEnd)).count();
    assert_eq!(ends, 1);
    assert!(
        matches!(taken.events.last(), Some(ExecutionEvent::DataEnd)),
        "nothing follows the end of the stream"
    );
    assert_eq!(taken.outcome.into_value::<usize>().unwrap(), 100);
}

/// The numbers that the pieces begin with.
fn numbers(pieces: &[Bytes]) -> Vec<usize> {
    let number = |piece: &Bytes| String::from_utf8_lossy(piece).split(' ').next()?.parse().ok();
    pieces.iter().map(|piece| number(piece).expect("a piece begins with its number")).collect()
}

pub(crate) async fn a_stream_without_pieces_ends_too(h: &mut Harness) {
    let taken = h.take(h.request("no-pieces", &())).await;
    assert!(taken.data().is_empty());
    assert!(taken.events.contains(&ExecutionEvent::DataEnd));
}

pub(crate) async fn a_sender_waits_for_its_reader(h: &mut Harness) {
    const SIZE: u64 = 32 << 10;
    const N: u64 = 256;
    let execution = h.start(h.request("pressed", &json!({ "n": N, "size": SIZE }))).await;
    // Only the host's log is looked at: it fills without anybody taking the execution's events.
    let sent = wait_for("the handler to say that it is blocked", || {
        let entries = h.services().log.entries();
        let blocked = entries.iter().find(|entry| entry.line.message == "blocked");
        blocked
            .map(|entry| entry.line.fields["sent"].as_u64().unwrap())
            .ok_or_else(|| format!("{} lines", entries.len()))
    })
    .await;
    assert!(sent * SIZE <= MOST_ON_THE_WAY, "{} bytes were sent and not read", sent * SIZE);
    let taken = h.take_rest(execution, Vec::new()).await;
    assert_eq!(numbers(&taken.data()), (0..usize::try_from(N).unwrap()).collect::<Vec<_>>());
    assert!(taken.outcome.is_ok(), "{:?}", taken.outcome.error());
}

pub(crate) async fn a_large_stream_passes(h: &mut Harness) {
    let taken = h.take(h.request("pieces", &json!({ "n": 256, "size": 128 << 10 }))).await;
    let bytes: usize = taken.data().iter().map(Bytes::len).sum();
    assert_eq!(bytes, 256 * (128 << 10), "{:?}", taken.outcome.error());
}

pub(crate) async fn a_channel_carries_pieces_both_ways(h: &mut Harness) {
    let mut execution = h.start(h.request("upper", &())).await;
    let mut input = execution.input().expect("the input is there once");
    assert!(execution.input().is_none());
    let words = ["to", "and", "fro"];
    for word in words {
        within_ceiling("the piece to be taken", input.send(Bytes::from(word))).await.unwrap();
        // The answer to each piece comes before the next is sent: it is no stream there followed by one back.
        let answer = within_ceiling("the answer", async {
            loop {
                if let ExecutionEvent::Data(piece) =
                    execution.next_event().await.expect("the handler still runs")
                {
                    return piece;
                }
            }
        })
        .await;
        assert_eq!(answer, word.to_uppercase());
    }
    within_ceiling("the end to be taken", input.finish()).await.unwrap();
    let outcome = h.take_rest(execution, Vec::new()).await.outcome;
    assert_eq!(outcome.into_value::<usize>().unwrap(), words.concat().len());
}

pub(crate) async fn an_input_that_breaks_off_is_seen(h: &mut Harness) {
    let mut execution = h.ready(h.request("drain", &())).await;
    let mut input = execution.input().unwrap();
    within_ceiling("the piece to be taken", input.send(Bytes::from("half"))).await.unwrap();
    drop(input);
    let outcome = h.take_rest(execution, Vec::new()).await.outcome;
    assert_eq!(outcome.into_value::<String>().unwrap(), format!("broken off: {}", ErrorCode::Aborted));
}

pub(crate) async fn an_input_that_ends_is_complete(h: &mut Harness) {
    let mut execution = h.ready(h.request("drain", &())).await;
    let mut input = execution.input().unwrap();
    let piece = Bytes::from(vec![b'x'; 300 << 10]);
    for _ in 0..8 {
        within_ceiling("the piece to be taken", input.send(piece.clone())).await.unwrap();
    }
    within_ceiling("the end to be taken", input.finish()).await.unwrap();
    let outcome = h.take_rest(execution, Vec::new()).await.outcome;
    assert_eq!(outcome.into_value::<String>().unwrap(), "complete");
}

pub(crate) async fn a_stream_that_nobody_reads_does_not_stop_a_cancellation(h: &mut Harness) {
    let execution = h.start(h.request("pressed", &json!({ "n": 256, "size": 32 << 10 }))).await;
    h.until_host_log("blocked").await;
    execution.cancel("enough");
    let outcome = h.take_rest(execution, Vec::new()).await.outcome;
    assert_eq!(outcome.error().map(|error| error.code().clone()), Some(ErrorCode::Aborted));
}
