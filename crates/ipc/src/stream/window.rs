//! Credit as two plain values, one per end. No time, no waiting, no frames.
//! Every number a peer names is checked here.

use crate::limit::MIN_DATA_COST;

/// What a chunk of `len` bytes costs of the credit: its length, at least [`MIN_DATA_COST`].
pub fn cost(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX).max(MIN_DATA_COST)
}

/// The sender's view: how much it may still send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendWindow {
    limit: u32,
    left: u32,
}

impl SendWindow {
    /// A full window.
    pub fn new(limit: u32) -> Self {
        Self { limit, left: limit }
    }

    /// Uses credit for a chunk; false when there is too little, and nothing changes.
    pub fn take(&mut self, cost: u32) -> bool {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes credit back from the receiver.
    ///
    /// # Errors
    /// The credit in use, when more than that came back; nothing changes.
    pub fn give_back(&mut self, credit: u32) -> Result<(), u32> {
        let used = self.limit - self.left;
        if credit > used {
            return Err(used);
        }
        self.left += credit;
        Ok(())
    }

    /// Credit left.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Whether all credit has come back.
    pub fn is_full(&self) -> bool {
        self.left == self.limit
    }
}

/// The receiver's view: how much may still come, and what it owes the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveWindow {
    limit: u32,
    /// What the sender may still send.
    left: u32,
    /// Received and not consumed.
    unread: u32,
    /// Consumed and not given back yet.
    owed: u32,
    ended: bool,
}

impl ReceiveWindow {
    /// A window that nothing was sent into.
    pub fn new(limit: u32) -> Self {
        Self { limit, left: limit, unread: 0, owed: 0, ended: false }
    }

    /// Accounts for a chunk.
    ///
    /// # Errors
    /// The credit that was left, when the chunk costs more.
    pub fn receive(&mut self, cost: u32) -> Result<(), u32> {
        self.left = self.left.checked_sub(cost).ok_or(self.left)?;
        self.unread += cost;
        Ok(())
    }

    /// Notes that credit was consumed, and says how much to give back now: nothing until a quarter of the window has
    /// gathered, so that an ack pays for itself, and everything once the stream ended.
    ///
    /// # Errors
    /// What is unread, when more than that was to be consumed.
    pub fn consume(&mut self, credit: u32) -> Result<Option<u32>, u32> {
        self.unread = self.unread.checked_sub(credit).ok_or(self.unread)?;
        self.owed += credit;
        Ok(self.due())
    }

    /// Notes the sender's end, and says how much to give back now.
    pub fn end(&mut self) -> Option<u32> {
        self.ended = true;
        self.due()
    }

    fn due(&mut self) -> Option<u32> {
        if self.owed == 0 || (!self.ended && self.owed < self.limit / 4) {
            return None;
        }
        let credit = std::mem::take(&mut self.owed);
        self.left += credit;
        Some(credit)
    }

    /// Received and not consumed.
    pub fn unread(&self) -> u32 {
        self.unread
    }

    /// Whether the stream ended and everything of it was consumed: its slot is free then.
    pub fn is_done(&self) -> bool {
        self.ended && self.unread == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limit::{LinkLimits, MAX_STREAM_WINDOW, MIN_STREAM_WINDOW};

    #[test]
    fn small_chunks_cost_the_minimum() {
        assert_eq!((cost(1), cost(64), cost(65)), (64, 64, 65));
    }

    #[test]
    fn credit_beyond_what_is_owed_is_refused() {
        let mut window = SendWindow::new(1000);
        assert_eq!(window.give_back(1), Err(0));
        assert!(window.take(600));
        assert!(!window.take(600));
        assert_eq!(window.give_back(601), Err(600));
        assert_eq!(window.give_back(600), Ok(()));
        assert!(window.is_full());
        let mut window = ReceiveWindow::new(1000);
        window.receive(600).unwrap();
        assert_eq!(window.receive(401), Err(400));
        assert_eq!(window.consume(601), Err(600));
    }

    #[test]
    fn credit_comes_back_in_quarters_and_all_of_it_after_the_end() {
        let mut window = ReceiveWindow::new(1000);
        window.receive(700).unwrap();
        assert_eq!(window.consume(249), Ok(None));
        assert_eq!(window.consume(1), Ok(Some(250)));
        assert_eq!(window.consume(100), Ok(None));
        assert_eq!(window.end(), Some(100));
        assert!(!window.is_done());
        assert_eq!(window.consume(350), Ok(Some(350)));
        assert!(window.is_done());
    }

    proptest! {
        #[test]
        fn two_ends_never_disagree_and_never_starve(
            limit in MIN_STREAM_WINDOW..MAX_STREAM_WINDOW,
            sizes in prop::collection::vec(1..=65_536_usize, 1..200),
        ) {
            let chunk = LinkLimits::default().with_stream_window(limit).chunk() as usize;
            let (mut sender, mut receiver) = (SendWindow::new(limit), ReceiveWindow::new(limit));
            let mut unread = std::collections::VecDeque::new();
            for size in sizes {
                let cost = cost(size.min(chunk));
                while !sender.take(cost) {
                    // With everything consumed a sender must always have the credit for one chunk.
                    let oldest: u32 = unread.pop_front().expect("a sender without credit has chunks unread");
                    if let Some(credit) = receiver.consume(oldest).unwrap() {
                        sender.give_back(credit).unwrap();
                    }
                }
                receiver.receive(cost).unwrap();
                unread.push_back(cost);
                prop_assert!(receiver.unread() <= limit);
            }
            if let Some(credit) = receiver.end() {
                sender.give_back(credit).unwrap();
            }
            for cost in unread {
                if let Some(credit) = receiver.consume(cost).unwrap() {
                    sender.give_back(credit).unwrap();
                }
            }
            prop_assert!(receiver.is_done() && sender.is_full());
        }
    }
}
