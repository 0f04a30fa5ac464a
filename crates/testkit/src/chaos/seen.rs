//! What a caller saw of an execution while it ran, checked as it comes: order, numbers, and every byte of a stream.
//! Nothing of it is kept.

use plugdock_contracts::ExecutionEvent;

use super::item::Item;
use super::row::Shape;

/// Sums up bytes however they are cut (FNV-1a).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sum {
    bytes: u64,
    hash: u64,
}

impl Sum {
    const EMPTY: Self = Self { bytes: 0, hash: 0xcbf2_9ce4_8422_2325 };

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    sum: Sum,
    next_line: u64,
    starts: u32,
    has_ended: bool,
    fault: Option<&'static str>,
}

/// A piece that a caller sends.
pub(super) fn piece(item: &Item, number: usize) -> Vec<u8> {
    let mut piece = format!("piece {number} of {} ", item.token).into_bytes();
    piece.resize(4 << 10, b'a');
    piece
}

impl Seen {
    pub(super) fn nothing() -> Self {
        Self { sum: Sum::EMPTY, next_line: 0, starts: 0, has_ended: false, fault: None }
    }

    pub(super) fn take(&mut self, event: &ExecutionEvent) {
        match event {
            ExecutionEvent::Started { .. } => self.starts += 1,
            ExecutionEvent::Log(line) => {
                if line.seq < self.next_line {
                    self.fault = Some("a log line came twice or too late");
                }
                self.next_line = line.seq + 1;
            }
            ExecutionEvent::Data(bytes) => {
                if self.has_ended {
                    self.fault = Some("stream data came after the stream's end");
                }
                self.sum.add(bytes);
            }
            ExecutionEvent::DataEnd => self.has_ended = true,
            _ => {}
        }
    }

    /// Judges what was seen of an execution that was watched to its end.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub(super) fn judge(&self, item: &Item, succeeded: bool, n_started: u32) -> Result<(), String> {
        if let Some(fault) = self.fault {
            return Err(fault.to_owned());
        }
        if self.starts > n_started {
            return Err(format!("it was said to start {} times, its outcome says {n_started}", self.starts));
        }
        let expected = match item.row.shape {
            Shape::Pieces => Self::sent_by_handler(item),
            Shape::Channel => Self::returned(item),
            _ => return Ok(()),
        };
        if succeeded && (self.sum != expected || !self.has_ended) {
            return Err(format!(
                "it succeeded, and its stream is not what was sent: {} bytes of {}, ended: {}",
                self.sum.bytes, expected.bytes, self.has_ended
            ));
        }
        Ok(())
    }

    /// What the handler `pieces` sends.
    fn sent_by_handler(item: &Item) -> Sum {
        let mut sum = Sum::EMPTY;
        for number in 0..item.n {
            let mut piece = format!("{} {number} ", item.token).into_bytes();
            piece.resize(16 << 10, b'.');
            sum.add(&piece);
        }
        sum
    }

    /// What the handler `upper` answers to the caller's pieces.
    fn returned(item: &Item) -> Sum {
        let mut sum = Sum::EMPTY;
        for number in 0..item.n {
            sum.add(&piece(item, number).to_ascii_uppercase());
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plugdock_contracts::{LogLevel, LogLine, LogStream};

    use super::super::dice::Dice;
    use super::*;

    fn item(name: &str) -> Item {
        let mut dice = Dice::of(1, 1);
        std::iter::repeat_with(|| Item::plan(&mut dice)).find(|item| item.row.name == name).unwrap()
    }

    fn data(bytes: &[u8]) -> ExecutionEvent {
        ExecutionEvent::Data(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn a_stream_is_compared_however_it_was_cut_and_a_missing_piece_is_found() {
        let item = Item { n: 3, ..item("channel") };
        let pieces: Vec<Vec<u8>> = (0..3).map(|number| piece(&item, number).to_ascii_uppercase()).collect();
        let mut whole = Seen::nothing();
        for part in pieces.concat().chunks(1000) {
            whole.take(&data(part));
        }
        assert!(whole.judge(&item, true, 1).is_err(), "it has not ended");
        whole.take(&ExecutionEvent::DataEnd);
        assert_eq!(whole.judge(&item, true, 1), Ok(()));
        let mut part = Seen::nothing();
        part.take(&data(&[&pieces[0][..], &pieces[2][..]].concat()));
        part.take(&ExecutionEvent::DataEnd);
        assert!(part.judge(&item, true, 1).is_err());
        assert_eq!(part.judge(&item, false, 1), Ok(()), "what failed may have sent anything");
    }

    #[test]
    fn lines_come_in_order_and_starts_are_told_as_often_as_they_were() {
        let item = item("log flood");
        let line = |seq| {
            let mut line = LogLine::new(LogLevel::Info, LogStream::Logger, "");
            line.seq = seq;
            ExecutionEvent::Log(line)
        };
        let of = |seqs: &[u64]| {
            let mut seen = Seen::nothing();
            for seq in seqs {
                seen.take(&line(*seq));
            }
            seen.judge(&item, true, 1)
        };
        assert_eq!(of(&[0, 1, 7]), Ok(()), "a gap is a line that was dropped");
        assert!(of(&[0, 2, 2]).is_err());
        let mut twice = Seen::nothing();
        twice.take(&ExecutionEvent::Started { worker: None });
        twice.take(&ExecutionEvent::Started { worker: None });
        assert!(twice.judge(&item, true, 1).is_err());
    }
}
