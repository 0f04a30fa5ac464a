//! Lines on standard error while an execution runs: log lines and, where no bar can be drawn, progress.
//! What is said how often is decided here; writing is the output's.

use plugdock_contracts::{LogLevel, LogLine, LogStream, Progress};

use super::paint::{Paint, printable};

/// A log line: `warn  text  key=value`, with the stream it came from where that is not the logger.
pub(crate) fn log_line(line: &LogLine, paint: Paint) -> String {
    let level = format!("{:<5}", line.level);
    let level = match line.level {
        LogLevel::Error => paint.error(&level),
        LogLevel::Warn => paint.warning(&level),
        LogLevel::Info => paint.good(&level),
        LogLevel::Debug | LogLevel::Trace => paint.faint(&level),
    };
    let stream = match line.stream {
        LogStream::Stdout => paint.faint("stdout| "),
        LogStream::Stderr => paint.faint("stderr| "),
        _ => String::new(),
    };
    let fields: Vec<String> =
        line.fields.iter().map(|(key, value)| format!("  {}={value}", printable(key))).collect();
    let cut = if line.truncated { " (cut)" } else { "" };
    format!("{level} {stream}{}{}{cut}", printable(&line.message), paint.faint(&fields.concat()))
}

/// Progress in lines, for a log or a pipe: one when the note changes, and one for each further tenth.
#[derive(Debug, Default)]
pub(crate) struct PlainProgress {
    note: String,
    tenth: Option<u8>,
}

impl PlainProgress {
    /// The line for this progress, if it is worth one.
    pub(crate) fn line(&mut self, progress: &Progress) -> Option<String> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fraction lies between 0 and 1"
        )]
        let percent = progress.fraction.map(|fraction| (fraction * 100.0).round() as u8);
        let tenth = percent.map(|percent| percent / 10);
        if self.note == progress.note && self.tenth == tenth {
            return None;
        }
        self.note.clone_from(&progress.note);
        self.tenth = tenth;
        let note = printable(&progress.note);
        Some(match percent {
            Some(percent) => format!("{percent:>3}% {note}").trim_end().to_owned(),
            None => format!("  .. {note}").trim_end().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_level_stream_and_fields() {
        let mut line = LogLine::new(LogLevel::Warn, LogStream::Stderr, "odd\x07");
        line.fields.insert("row".into(), 3.into());
        line.truncated = true;
        assert_eq!(log_line(&line, Paint(false)), "warn  stderr| odd\\u{7}  row=3 (cut)");
        let plain = LogLine::new(LogLevel::Info, LogStream::Logger, "done");
        assert_eq!(log_line(&plain, Paint(false)), "info  done");
    }

    #[test]
    fn progress_in_lines_is_sparing() {
        let mut plain = PlainProgress::default();
        let lines: Vec<String> = (0..=100u8)
            .filter_map(|percent| plain.line(&Progress::new(Some(f32::from(percent) / 100.0), "reading")))
            .collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[1], " 10% reading");
        assert_eq!(plain.line(&Progress::new(Some(1.0), "writing")).unwrap(), "100% writing");
        assert_eq!(plain.line(&Progress::new(None, "waiting")).unwrap(), "  .. waiting");
        assert_eq!(plain.line(&Progress::new(None, "waiting")), None);
    }
}
