//! Output of real workers: floods are bounded, silence does not block, a held pipe is not waited for.

use plugdock_execution_factory::process::{ExitCause, ForwardLimits, OutputReader};
use tokio::io::AsyncReadExt as _;

use super::bench::{first_line, run};

#[test]
fn a_flood_of_a_gigabyte_neither_blocks_the_worker_nor_fills_the_host() {
    const FLOOD: u64 = 1_000_000_000;
    run(async |bench| {
        let mut worker =
            bench.shell("head -c 1000000000 /dev/zero; echo; echo 'the last \u{1b}[31mword'").await;
        let limits = ForwardLimits::default();
        let mut reader = OutputReader::new(worker.take_stdout().unwrap(), limits);
        let before = plugdock_sandbox::usage::self_usage().unwrap().max_rss_bytes;
        let mut forwarded = 0;
        while let Some(lines) = reader.next().await {
            // Each NUL is shown as five characters.
            forwarded += lines.iter().map(|line| line.text.len() as u64).sum::<u64>() / 5;
        }
        assert_eq!(worker.exited().await.cause, ExitCause::Code(0));
        assert!(forwarded <= limits.bytes_in_all);
        assert!(reader.collector().dropped_bytes() >= FLOOD - limits.bytes_in_all);
        assert_eq!(reader.collector().last_lines(1), ["the last word"]);
        let after = plugdock_sandbox::usage::self_usage().unwrap().max_rss_bytes;
        assert!(after - before < 64 << 20, "grew by {} bytes", after - before);
    });
}

#[test]
fn what_is_in_the_pipe_is_read_without_waiting_for_its_end() {
    run(async |bench| {
        let mut worker = bench.shell("echo one; printf two; echo >&3; sleep 1000").await;
        let mut channel = tokio::net::UnixStream::from_std(worker.take_channel().unwrap()).unwrap();
        let mut reader = OutputReader::new(worker.take_stdout().unwrap(), ForwardLimits::default());
        // Both words were written before this byte.
        channel.read_u8().await.unwrap();
        let texts: Vec<_> = reader.drain_now().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two"]);
        assert!(reader.drain_now().is_empty());
    });
}

#[test]
fn standard_error_is_a_pipe_of_its_own() {
    run(async |bench| {
        let mut worker = bench.shell("echo out; echo err >&2").await;
        let mut errors = OutputReader::new(worker.take_stderr().unwrap(), ForwardLimits::default());
        let (line, _reader) = first_line(&mut worker).await;
        assert_eq!(line, "out");
        worker.exited().await;
        assert_eq!(errors.next().await.unwrap()[0].text, "err");
        assert_eq!(errors.next().await, None);
    });
}
