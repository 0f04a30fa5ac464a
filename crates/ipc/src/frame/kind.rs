//! The numbers of frame kinds: append-only, with gaps per family for later ones.
//! What each carries is in `meta`; the table that joins the two is in `body`.

/// Whether a kind is about one call or about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The call id is zero.
    Connection,
    /// The call id is not zero.
    Call,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $scope:ident;)*) => {
        /// What a frame is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// Every kind of this protocol.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The kind of a number in a header.
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Whether its frames name a call.
            pub fn scope(self) -> Scope {
                match self {
                    $(Self::$name => Scope::$scope,)*
                }
            }

            /// Its name in documents and errors.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

kinds! {
    /// Worker to host: who it is and what it offers.
    Hello = 0x01, Connection;
    /// Host to worker: accepted, under these limits.
    Welcome = 0x02, Connection;
    /// Either: nothing more will come from here.
    Goodbye = 0x03, Connection;
    /// Host to worker: finish what runs, take nothing new.
    Drain = 0x04, Connection;
    /// Host to worker: are you there.
    Ping = 0x10, Connection;
    /// Worker to host: yes.
    Pong = 0x11, Connection;
    /// Host to worker: ask the plugin's health function.
    HealthCheck = 0x12, Connection;
    /// Worker to host: what it said.
    HealthReport = 0x13, Connection;
    /// Host to worker: run a handler; the payload is its input.
    Call = 0x20, Call;
    /// Worker to host: the handler runs now.
    Started = 0x21, Call;
    /// Host to worker: stop it.
    Cancel = 0x22, Call;
    /// Worker to host: it succeeded; the payload is its output. Ends the call.
    Reply = 0x23, Call;
    /// Worker to host: it failed. Ends the call.
    Error = 0x24, Call;
    /// Worker to host: one log record.
    Log = 0x30, Call;
    /// Worker to host: how far it is.
    Progress = 0x31, Call;
    /// Sender to receiver: the payload is the next chunk of a stream.
    Data = 0x40, Call;
    /// Receiver to sender: more credit.
    Ack = 0x41, Call;
    /// Sender to receiver: the stream is over.
    End = 0x42, Call;
    /// Receiver to sender: send no more of it.
    Drop = 0x43, Call;
    /// Worker to host: a service call on behalf of this call; the payload goes with it.
    HostCall = 0x50, Call;
    /// Host to worker: its answer; the payload goes with it.
    HostReply = 0x51, Call;
}

impl Kind {
    /// The number in a header.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether its frames may carry a payload.
    pub fn has_payload(self) -> bool {
        matches!(self, Self::Call | Self::Reply | Self::Data | Self::HostCall | Self::HostReply)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_numbers_of_kinds() {
        let numbers: Vec<_> = Kind::ALL.iter().map(|kind| (kind.name(), kind.number())).collect();
        assert_eq!(
            numbers,
            [
                ("Hello", 0x01),
                ("Welcome", 0x02),
                ("Goodbye", 0x03),
                ("Drain", 0x04),
                ("Ping", 0x10),
                ("Pong", 0x11),
                ("HealthCheck", 0x12),
                ("HealthReport", 0x13),
                ("Call", 0x20),
                ("Started", 0x21),
                ("Cancel", 0x22),
                ("Reply", 0x23),
                ("Error", 0x24),
                ("Log", 0x30),
                ("Progress", 0x31),
                ("Data", 0x40),
                ("Ack", 0x41),
                ("End", 0x42),
                ("Drop", 0x43),
                ("HostCall", 0x50),
                ("HostReply", 0x51),
            ]
        );
    }

    #[test]
    fn every_other_number_is_unknown() {
        let n_known = (0..=u8::MAX).filter_map(Kind::from_number).count();
        assert_eq!(n_known, Kind::ALL.len());
    }
}
