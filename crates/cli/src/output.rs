//! The command's standard output and standard error: the one place that writes to either.
//! A reader that went away is no error: what it would have got is dropped, and that can be asked.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use serde::Serialize;

/// Where results and everything else go. Clones share both streams.
#[derive(Clone)]
pub(crate) struct Output {
    streams: Arc<Mutex<Streams>>,
    form: Form,
    draws: bool,
}

/// What the two streams are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// Standard output is a terminal: a person reads the result.
    pub(crate) result_terminal: bool,
    /// Standard error is a terminal: progress may be drawn.
    pub(crate) note_terminal: bool,
    /// Standard error may be coloured.
    pub(crate) colour: bool,
}

struct Streams {
    result: Box<dyn Write + Send>,
    note: Box<dyn Write + Send>,
    /// The reader of standard output went away.
    gone: bool,
    /// Any other failure to write a result, to be told at the end.
    failed: Option<io::Error>,
    bar: Option<ProgressBar>,
}

impl Output {
    /// The streams of this process.
    pub(crate) fn of_process() -> Self {
        let terminal = io::stderr().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let form = Form {
            result_terminal: io::stdout().is_terminal(),
            note_terminal: terminal && !dumb,
            colour: terminal && !dumb && !set("NO_COLOR"),
        };
        let draws = form.result_terminal && !dumb;
        Self { draws, ..Self::new(Box::new(io::stdout()), Box::new(io::stderr()), form) }
    }

    /// Two other streams.
    pub(crate) fn new(result: Box<dyn Write + Send>, note: Box<dyn Write + Send>, form: Form) -> Self {
        let streams = Streams { result, note, gone: false, failed: None, bar: None };
        Self { streams: Arc::new(Mutex::new(streams)), form, draws: false }
    }

    /// What the streams are connected to.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Writes a part of the result as it is.
    pub(crate) fn result(&self, bytes: &[u8]) {
        let mut streams = self.lock();
        if streams.gone || streams.failed.is_some() {
            return;
        }
        let Streams { result, bar, .. } = &mut *streams;
        let mut write = || result.write_all(bytes).and_then(|()| result.flush());
        let written = match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => streams.gone = true,
            Err(error) => streams.failed = Some(error),
        }
    }

    /// Writes a result and ends its line.
    pub(crate) fn result_line(&self, text: &str) {
        self.result(format!("{}\n", text.trim_end_matches('\n')).as_bytes());
    }

    /// Writes a document on a line of its own.
    pub(crate) fn result_json<T: Serialize>(&self, document: &T) {
        let text = serde_json::to_string(document).expect("what the command answers has a JSON form");
        self.result_line(&text);
    }

    /// Columns of the terminal that shows results; none where no terminal does.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = self.form.result_terminal.then(terminal_size::terminal_size).flatten();
        size.map(|(terminal_size::Width(columns), _rows)| usize::from(columns))
    }

    /// Whether results can be drawn over each other: a terminal shows them that understands more than lines.
    pub(crate) fn draws(&self) -> bool {
        self.draws
    }

    /// Takes a screen of its own on the terminal, so that what was there comes back afterwards; or gives it back.
    pub(crate) fn screen(&self, own: bool) {
        let (enter, leave) = ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l");
        self.result(if own { enter } else { leave }.as_bytes());
    }

    /// Draws lines over what the screen shows, in one write and without clearing it first: nothing flickers. Lines for
    /// which there is no room are left out.
    pub(crate) fn frame(&self, lines: &[String]) {
        let rows = terminal_size::terminal_size().map_or(usize::MAX, |(_columns, rows)| usize::from(rows.0));
        let drawn: Vec<String> = lines.iter().take(rows).map(|line| format!("{line}\x1b[K")).collect();
        self.result(format!("\x1b[H{}\x1b[J", drawn.join("\r\n")).as_bytes());
    }

    /// Writes lines for people to standard error.
    pub(crate) fn note(&self, text: &str) {
        let mut streams = self.lock();
        let Streams { note, bar, .. } = &mut *streams;
        let line = format!("{}\n", text.trim_end_matches('\n'));
        // Whoever closed standard error does not want the notes; there is nobody to tell.
        let mut write = || drop(note.write_all(line.as_bytes()));
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Keeps a bar below what is written, until it is taken away with `None`.
    pub(crate) fn show_bar(&self, bar: Option<ProgressBar>) {
        if let Some(old) = std::mem::replace(&mut self.lock().bar, bar) {
            old.finish_and_clear();
        }
    }

    /// Whether nobody reads standard output any more.
    pub(crate) fn reader_gone(&self) -> bool {
        self.lock().gone
    }

    /// Why the result could not be written, when it could not for another reason than its reader having gone.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        self.lock().failed.take()
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        // A panic while writing leaves at worst half a line.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What was written to a stream.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Both streams in memory, as if piped.
    pub(crate) fn piped() -> (Output, Written, Written) {
        let (result, note) = (Written::default(), Written::default());
        let form = Form { result_terminal: false, note_terminal: false, colour: false };
        (Output::new(Box::new(result.clone()), Box::new(note.clone()), form), result, note)
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let form = Form { result_terminal: false, note_terminal: false, colour: false };
        let output = Output::new(
            Box::new(Broken(ErrorKind::BrokenPipe)),
            Box::new(Broken(ErrorKind::BrokenPipe)),
            form,
        );
        output.result(b"x");
        output.note("y");
        assert!(output.reader_gone());
        assert!(output.take_failure().is_none());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let form = Form { result_terminal: false, note_terminal: false, colour: false };
        let output = Output::new(Box::new(Broken(ErrorKind::StorageFull)), Box::new(io::sink()), form);
        output.result(b"x");
        assert_eq!(output.take_failure().unwrap().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn every_note_ends_its_line_once() {
        let (output, result, note) = piped();
        output.note("a");
        output.note("b\n");
        output.result_line("{}\n");
        assert_eq!((note.text().as_str(), result.text().as_str()), ("a\nb\n", "{}\n"));
    }
}
