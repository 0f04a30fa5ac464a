//! Handlers with streams: pieces out, pieces in, and both at once.
//! They tell through their log how far they came, so that a test can see back-pressure without reading the stream.

use std::time::Duration;

use plugdock_plugin_runtime::{Ctx, HandlerResult, Input, Output, Plugin};
use serde::Deserialize;

/// A send that takes longer than this waits for the reader: far above what a send without waiting takes.
const BLOCKED_AFTER: Duration = Duration::from_millis(400);

#[derive(Deserialize)]
struct Pieces {
    n: usize,
    size: usize,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .stream("pieces", pieces)
        .stream("pressed", pressed)
        .stream("no-pieces", async |_ctx: Ctx, (): (), _output: Output| Ok(0))
        .channel("upper", upper)
        .channel("drain", drain)
}

/// A piece that says which one it is.
fn piece(number: usize, size: usize) -> Vec<u8> {
    let mut piece = format!("{number} ").into_bytes();
    piece.resize(size.max(piece.len()), b'.');
    piece
}

async fn pieces(_ctx: Ctx, input: Pieces, output: Output) -> HandlerResult<usize> {
    for number in 0..input.n {
        output.send(piece(number, input.size)).await?;
    }
    Ok(input.n)
}

/// Sends until nobody takes more, says so, and goes on when somebody does.
async fn pressed(ctx: Ctx, input: Pieces, output: Output) -> HandlerResult<usize> {
    let mut is_told = false;
    for number in 0..input.n {
        let mut sending = Box::pin(output.send(piece(number, input.size)));
        match tokio::time::timeout(BLOCKED_AFTER, &mut sending).await {
            Ok(sent) => sent?,
            Err(_waits) => {
                if !is_told {
                    ctx.log().with("sent", &number).info("blocked");
                    is_told = true;
                }
                sending.await?;
            }
        }
    }
    Ok(input.n)
}

async fn upper(_ctx: Ctx, (): (), mut input: Input, output: Output) -> HandlerResult<usize> {
    let mut taken = 0;
    while let Some(piece) = input.next().await? {
        taken += piece.len();
        output.send(piece.to_ascii_uppercase()).await?;
    }
    Ok(taken)
}

/// Reads to the end, and tells how it ended.
async fn drain(ctx: Ctx, (): (), mut input: Input, _output: Output) -> HandlerResult<String> {
    ctx.log().info("ready");
    loop {
        match input.next().await {
            Ok(Some(_piece)) => {}
            Ok(None) => return Ok("complete".to_owned()),
            Err(error) => return Ok(format!("broken off: {}", error.code())),
        }
    }
}
