//! Handshakes that succeed, and every way in which they do not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::peer::{Io, bytes_of};
use super::sample;
use crate::codec::CodecKind;
use crate::error::{LinkError, Violation};
use crate::frame::{Frame, HandlerInfo, Hello, Ping, Welcome};
use crate::handshake::{Greeted, HandshakeError, HandshakeStep, greet, introduce};
use crate::limit::{DEFAULT_HANDSHAKE, LinkLimits, MAX_HANDLERS};
use crate::prelude::{MismatchKind, PRELUDE_LEN, Prelude, PreludeError};
use crate::testing::{Fault, FaultyReader, Silence, memory_pair};

type Greeting = Result<
    Greeted<tokio::io::ReadHalf<tokio::io::DuplexStream>, tokio::io::WriteHalf<tokio::io::DuplexStream>>,
    HandshakeError,
>;

/// Greets a peer that sent `bytes` and then keeps its end open; gives back what the host wrote.
async fn greeted_by(bytes: &[u8]) -> (Greeting, Io) {
    let (host, mut worker) = memory_pair(4 * 1024 * 1024);
    worker.1.write_all(bytes).await.unwrap();
    (greet(host.0, host.1, DEFAULT_HANDSHAKE).await, worker)
}

#[tokio::test(start_paused = true)]
async fn hello_and_welcome_arrive_as_they_were_said() {
    for codec in CodecKind::ALL {
        let (host, worker) = memory_pair(1024);
        let limits = LinkLimits::default().with_max_open_calls(3);
        let welcome =
            Welcome { limits, heartbeat_ms: 5, features: vec!["x".into()], host_version: "9".into() };
        let (host, worker) = tokio::join!(
            async {
                let greeted = greet(host.0, host.1, DEFAULT_HANDSHAKE).await?;
                assert_eq!((greeted.hello(), greeted.codec()), (&sample::hello(), codec));
                greeted.welcome(welcome.clone()).await
            },
            introduce(worker.0, worker.1, codec, sample::hello(), DEFAULT_HANDSHAKE),
        );
        assert_eq!((host.unwrap().hello, worker.unwrap().welcome), (sample::hello(), welcome));
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline_and_names_the_step() {
    let within = Duration::from_millis(700);
    let began = tokio::time::Instant::now();
    let err = greet(Silence, Silence, within).await.unwrap_err();
    assert!(matches!(err, HandshakeError::Deadline { step: HandshakeStep::Prelude, .. }), "{err:?}");
    assert_eq!(began.elapsed(), within);
    let prelude = Prelude::new(CodecKind::Json).to_bytes();
    let silent = FaultyReader::new(&prelude[..], PRELUDE_LEN, Fault::Silence);
    let err = greet(silent, tokio::io::sink(), within).await.unwrap_err();
    assert!(matches!(err, HandshakeError::Deadline { step: HandshakeStep::Hello, .. }), "{err:?}");
    let err =
        introduce(Silence, tokio::io::sink(), CodecKind::Json, Hello::default(), within).await.unwrap_err();
    assert!(matches!(err, HandshakeError::Deadline { step: HandshakeStep::Prelude, .. }), "{err:?}");
    let err = introduce(Silence, Silence, CodecKind::Json, Hello::default(), within).await.unwrap_err();
    assert!(matches!(err, HandshakeError::Deadline { step: HandshakeStep::Hello, .. }), "{err:?}");
}

#[tokio::test(start_paused = true)]
async fn another_protocol_is_told_and_answered() {
    let theirs = Prelude { protocol: 2, ..Prelude::new(CodecKind::Bincode) };
    let (greeted, mut worker) = greeted_by(&theirs.to_bytes()).await;
    let err = greeted.unwrap_err();
    let HandshakeError::Prelude(PreludeError::ProtocolMismatch { what, ours, theirs, .. }) = &err else {
        panic!("{err:?}")
    };
    assert_eq!((*what, *ours, *theirs), (MismatchKind::Protocol, 1, 2));
    assert!(err.to_string().contains("upgrade the host"), "{err}");
    let mut answer = [0; PRELUDE_LEN];
    worker.0.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, Prelude::new(CodecKind::Bincode).to_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_worker_explains_a_mismatch_from_the_answer() {
    let theirs = Prelude { protocol: 3, ..Prelude::new(CodecKind::Json) };
    for (answer, what) in
        [(theirs, MismatchKind::Protocol), (Prelude::new(CodecKind::Bincode), MismatchKind::Codec)]
    {
        let err = introduce(
            &answer.to_bytes()[..],
            tokio::io::sink(),
            CodecKind::Json,
            Hello::default(),
            DEFAULT_HANDSHAKE,
        )
        .await
        .unwrap_err();
        assert!(
            matches!(&err, HandshakeError::Prelude(PreludeError::ProtocolMismatch { what: seen, .. }) if *seen == what),
            "{err:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_prints_is_recognised_at_its_first_bytes() {
    for text in ["hi\n", "PLUG-in 3000 starting\n", "P", "PLUGDOCX"] {
        let (greeted, _worker) = greeted_by(text.as_bytes()).await;
        match greeted.unwrap_err() {
            HandshakeError::Prelude(PreludeError::BadMagic { shown }) => {
                assert_eq!(shown, text.as_bytes().escape_ascii().to_string());
            }
            HandshakeError::Deadline { step: HandshakeStep::Prelude, .. } => assert_eq!(text, "P"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_before_the_hello_says_where() {
    let hello = [
        &Prelude::new(CodecKind::Bincode).to_bytes()[..],
        &bytes_of(CodecKind::Bincode, &[Frame::connection(sample::hello())]),
    ]
    .concat();
    for at in 0..hello.len() {
        let err = greet(&hello[..at], tokio::io::sink(), DEFAULT_HANDSHAKE).await.unwrap_err();
        let HandshakeError::Link { step, source } = &err else { panic!("cut at {at}: {err:?}") };
        assert_eq!(*step == HandshakeStep::Prelude, at < PRELUDE_LEN, "cut at {at}");
        let clean = at == 0 || at == PRELUDE_LEN;
        assert_eq!(matches!(source, LinkError::Closed), clean, "cut at {at}: {source:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hello_beyond_its_bounds_or_another_frame_is_refused() {
    let prelude = Prelude::new(CodecKind::Json).to_bytes();
    let ping = bytes_of(CodecKind::Json, &[Frame::connection(Ping::default())]);
    let (greeted, _worker) = greeted_by(&[&prelude[..], &ping].concat()).await;
    let err = greeted.unwrap_err();
    assert!(matches!(err, HandshakeError::Unexpected { step: HandshakeStep::Hello, .. }), "{err:?}");
    let crowd = Hello { handlers: vec![HandlerInfo::default(); MAX_HANDLERS + 1], ..Hello::default() };
    let err = introduce(Silence, tokio::io::sink(), CodecKind::Json, crowd.clone(), DEFAULT_HANDSHAKE).await;
    assert!(matches!(err, Err(HandshakeError::Unsayable { .. })), "{err:?}");
    let meta = serde_json::to_vec(&crowd).unwrap();
    let header = crate::frame::RawHeader::new(
        crate::frame::Kind::Hello,
        crate::frame::CallId::CONNECTION,
        u32::try_from(meta.len()).unwrap(),
        0,
    );
    let (greeted, _worker) = greeted_by(&[&prelude[..], &header.to_bytes(), &meta].concat()).await;
    let err = greeted.unwrap_err();
    let HandshakeError::Link { source: LinkError::Violation(Violation::Excess { source, .. }), .. } = &err
    else {
        panic!("{err:?}")
    };
    assert_eq!((source.field, source.max), ("handlers", MAX_HANDLERS));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_reaches_the_worker_with_its_reason() {
    let (host, worker) = memory_pair(4096);
    let (refused, introduced) = tokio::join!(
        async { greet(host.0, host.1, DEFAULT_HANDSHAKE).await?.refuse("wrong plugin: @acme/md").await },
        introduce(worker.0, worker.1, CodecKind::Json, sample::hello(), DEFAULT_HANDSHAKE),
    );
    refused.unwrap();
    let err = introduced.unwrap_err();
    assert!(
        matches!(&err, HandshakeError::Refused { reason } if reason == "wrong plugin: @acme/md"),
        "{err:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn limits_out_of_range_are_refused_by_both_sides() {
    let limits = LinkLimits::default().with_stream_window(1);
    let (host, worker) = memory_pair(4096);
    let (welcomed, _introduced) = tokio::join!(
        async {
            let greeted = greet(host.0, host.1, DEFAULT_HANDSHAKE).await.unwrap();
            greeted.welcome(Welcome { limits, ..Welcome::default() }).await.map(|_session| ())
        },
        introduce(worker.0, worker.1, CodecKind::Json, sample::hello(), DEFAULT_HANDSHAKE),
    );
    assert!(matches!(welcomed, Err(HandshakeError::Limits(_))), "{welcomed:?}");
    let welcome = Welcome { limits, ..Welcome::default() };
    let answer = [
        &Prelude::new(CodecKind::Json).to_bytes()[..],
        &bytes_of(CodecKind::Json, &[Frame::connection(welcome)]),
    ]
    .concat();
    let err = introduce(&answer[..], tokio::io::sink(), CodecKind::Json, Hello::default(), DEFAULT_HANDSHAKE)
        .await
        .unwrap_err();
    assert!(matches!(err, HandshakeError::Limits(_)), "{err:?}");
}
