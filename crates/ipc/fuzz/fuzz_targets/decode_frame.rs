//! Feeds arbitrary bytes to the frame reader, in pieces, and writes again what it made of them.
//! The first byte chooses the codec, the second the size of the pieces; the rest is what a peer sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugdock_ipc::testing::FaultyReader;
use plugdock_ipc::{CodecKind, Frame, FrameReader, FrameWriter, Incoming, LinkLimits};

async fn read(codec: CodecKind, bytes: &[u8], n_piece: usize) -> Vec<Frame> {
    let limits = LinkLimits::default().with_max_payload(64 * 1024);
    let mut reader = FrameReader::new(FaultyReader::in_pieces(bytes, n_piece), codec, limits);
    let mut frames = Vec::new();
    while let Ok(Some(incoming)) = reader.next().await {
        if let Incoming::Frame(frame) = incoming {
            frames.push(frame);
        }
    }
    frames
}

async fn write(codec: CodecKind, frames: Vec<Frame>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes, codec, LinkLimits::default());
    for frame in frames {
        // A JSON meta may grow past its bound when control characters are escaped again; it is refused then.
        let _refused = writer.write(frame).await;
    }
    bytes
}

fuzz_target!(|input: &[u8]| {
    let [codec, n_piece, bytes @ ..] = input else { return };
    let codec = if codec % 2 == 0 { CodecKind::Bincode } else { CodecKind::Json };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    runtime.block_on(async {
        let frames = read(codec, bytes, usize::from(*n_piece) + 1).await;
        // Written bytes, not frames, are compared: a fraction that is no number differs from itself.
        let once = write(codec, frames).await;
        let twice = write(codec, read(codec, &once, 4096).await).await;
        assert_eq!(once, twice, "what was read and written reads as something else");
    });
});
