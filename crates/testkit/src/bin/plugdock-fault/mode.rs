//! The faults, by name. Those that happen before the introduction come first, then those during a call.
//! What the host must answer to each stands in `tests/it/fault.rs`.

use std::fs::File;
use std::io::{self, Write};
use std::net::Shutdown;
use std::process::abort;

use super::shell::{block, raise, start};
use super::wire::{Channel, HELLO, INTRODUCTION, LOG, PRELUDE, REPLY, frame, reply};

/// Bytes that a flood writes at a time.
const CHUNK: usize = 1 << 20;

/// The exit code of a fault, for those that come to an exit.
pub(crate) fn run(mode: &str, channel: &mut Channel) -> io::Result<u8> {
    match mode {
        "exit-before-hello" => Ok(0),
        "complain-before-hello" => {
            writeln!(io::stderr(), "cannot find my settings")?;
            Ok(3)
        }
        "killed-before-hello" => fall(),
        "text-on-the-channel" => send_and_wait(channel, b"listening on 127.0.0.1:8080\nready\n"),
        "wrong-magic" => send_and_wait(channel, &[b"PLUGDUCK", &PRELUDE[8..]].concat()),
        "wrong-protocol" => {
            send_and_wait(channel, &[b"PLUGDOCK", &[0xff, 0x7f, 2, 0, 0, 0, 0, 0][..]].concat())
        }
        "wrong-codec" => send_and_wait(channel, &[b"PLUGDOCK", &[1, 0, 9, 0, 0, 0, 0, 0][..]].concat()),
        "garbage-after-prelude" => send_and_wait(channel, &[&PRELUDE[..], &[0xa5; 64]].concat()),
        "huge-hello" => send_and_wait(channel, &[&PRELUDE[..], &huge(HELLO, 0)].concat()),
        "zero-length-hello" => send_and_wait(channel, &[&PRELUDE[..], &[0; 20]].concat()),
        "half-prelude" => send_and_wait(channel, &PRELUDE[..7]),
        "silence" => block(),
        "nested-hello" => {
            let nested = format!(r#"{{"x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
            send_and_wait(channel, &[&PRELUDE[..], &frame(HELLO, 0, &nested, b"")].concat())
        }
        "hello-is-no-text" => {
            let mut hello = frame(HELLO, 0, "{\"plugin_id\":\"##\"}", b"");
            let at = hello.len() - 4;
            hello[at] = 0xff;
            send_and_wait(channel, &[&PRELUDE[..], &hello].concat())
        }
        "another-plugin" => {
            channel.introduce_as(&INTRODUCTION.replace("acme/fault", "acme/other"))?;
            channel.read_to_end().map(|()| 0)
        }
        _ => {
            let call = channel.take_call()?;
            during_call(mode, channel, call)
        }
    }
}

/// A frame that announces as much as a length can.
fn huge(kind: u8, call: u64) -> Vec<u8> {
    let mut bytes = frame(kind, call, "{}", b"");
    bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes
}

/// Ends by a fault of memory. The first such signal only makes the standard library restore the default, under which a real
/// fault would happen again; a signal that was sent must be sent again.
fn fall() -> io::Result<u8> {
    loop {
        raise("SEGV")?;
    }
}

/// Sends bytes and waits for the host to end it.
fn send_and_wait(channel: &mut Channel, bytes: &[u8]) -> io::Result<u8> {
    channel.write(bytes)?;
    channel.read_to_end().map(|()| 0)
}

/// Answers, and waits for the host to end it.
fn answer(channel: &mut Channel, call: u64) -> io::Result<u8> {
    send_and_wait(channel, &reply(call))
}

fn during_call(mode: &str, channel: &mut Channel, call: u64) -> io::Result<u8> {
    match mode {
        "answer" => answer(channel, call),
        "two-replies" => send_and_wait(channel, &[reply(call), reply(call)].concat()),
        "reply-to-unknown-call" => send_and_wait(channel, &reply(call + 1000)),
        "unknown-kind" => send_and_wait(channel, &frame(0xee, call, "{}", b"")),
        "hosts-kind" => send_and_wait(channel, &frame(0x20, call + 1, r#"{"handler":"run"}"#, b"")),
        "flags-set" => {
            let mut bytes = reply(call);
            bytes[5] = 1;
            send_and_wait(channel, &bytes)
        }
        "huge-frame" => send_and_wait(channel, &huge(REPLY, call)),
        "meta-longer-than-frame" => {
            let mut bytes = reply(call);
            bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
            send_and_wait(channel, &bytes)
        }
        "half-a-frame" => channel.write(&reply(call)[..7]).map(|()| 5),
        "byte-by-byte" => {
            reply(call).iter().try_for_each(|byte| channel.write(&[*byte]))?;
            channel.read_to_end().map(|()| 0)
        }
        "closes-half" => {
            channel.stream().shutdown(Shutdown::Write)?;
            block()
        }
        "closes-both" => {
            channel.stream().shutdown(Shutdown::Both)?;
            block()
        }
        "takes-the-call" | "exit-0" => Ok(0),
        "exit-3" => {
            writeln!(io::stderr(), "something is wrong\nvery wrong")?;
            Ok(3)
        }
        "abort" => abort(),
        "segfault" => fall(),
        "killed" => raise("KILL").map(|()| 0),
        "stopped" => raise("STOP").and_then(|()| block()),
        "never-reads" => block(),
        other => with_resources(other, channel, call),
    }
}

/// Faults that use something up, or leave something behind.
fn with_resources(mode: &str, channel: &mut Channel, call: u64) -> io::Result<u8> {
    match mode {
        "ignores-everything" => channel.read_to_end().and_then(|()| block()),
        "spins" => loop {
            std::hint::spin_loop();
        },
        "floods-output" => {
            flood(&mut io::stdout(), 1 << 30)?;
            flood(&mut io::stderr(), 64 << 20)?;
            answer(channel, call)
        }
        "floods-log" => {
            for thousand in 0..1000_u32 {
                let line = |seq| {
                    let meta = format!(r#"{{"level":"info","message":"one of a million","seq":{seq}}}"#);
                    frame(LOG, call, &meta, b"")
                };
                let lines: Vec<u8> = (thousand * 1000..(thousand + 1) * 1000).flat_map(line).collect();
                channel.write(&lines)?;
            }
            answer(channel, call)
        }
        "keeps-descriptors" => {
            start("sleep 1000 &")?.wait()?;
            answer(channel, call)
        }
        "keeps-descriptors-and-exits" => {
            start("sleep 1000 &")?.wait()?;
            Ok(0)
        }
        "daemon" => {
            start("setsid sleep 1000 & sleep 1000 &")?.wait()?;
            answer(channel, call)
        }
        "allocates" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; CHUNK]);
            }
        }
        "opens-files" => {
            let mut open = Vec::new();
            let refused = (0..10_000).find_map(|_| File::open("/dev/null").map(|file| open.push(file)).err());
            match refused {
                // 24 is the error of a process that has no descriptor left.
                Some(error) if error.raw_os_error() == Some(24) => answer(channel, call),
                _ => Ok(9),
            }
        }
        _ => Ok(2),
    }
}

/// Writes text without an end of line.
fn flood(to: &mut impl Write, bytes: usize) -> io::Result<()> {
    let chunk = vec![b'x'; CHUNK];
    (0..bytes / CHUNK).try_for_each(|_| to.write_all(&chunk))
}
