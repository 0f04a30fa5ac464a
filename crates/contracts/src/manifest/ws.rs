//! WebSocket channels that a manifest offers: which path opens a connection to which handler.
//! Nothing is served here; a host mounts the channels.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::http::{HttpMethod, Served};
use super::resources::{positive_size, positive_span};
use super::route_path::RoutePath;
use crate::document::{Cursor, Fields};
use crate::id::HandlerId;
use crate::size::ByteSize;
use crate::span;

/// The `ws` table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WsSection {
    /// Every channel, no two of which open at the same paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<WsChannel>,
}

/// Connections to one path go to one handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WsChannel {
    /// Path below the one that the host mounts the plugin at.
    pub path: RoutePath,
    /// Handler that the connection talks to.
    pub handler: HandlerId,
    /// Largest message taken from a client, when it is not the host's default.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "size_as_text")]
    pub max_message_size: Option<ByteSize>,
    /// How long a connection may be silent before it is closed, when it is not the host's default.
    #[serde(skip_serializing_if = "Option::is_none", with = "span::as_text::option")]
    pub idle_timeout: Option<Duration>,
}

impl WsSection {
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    pub(super) fn read(fields: &mut Fields<'_, '_>, served: &mut Served) -> Self {
        Self { channels: fields.list("channels", |at| WsChannel::read(at, served)) }
    }
}

impl WsChannel {
    fn read(at: &mut Cursor<'_, '_>, served: &mut Served) -> Option<Self> {
        let channel = at.table(|fields| {
            let path = fields.required("path");
            let handler = fields.required("handler");
            let max_message_size = fields.optional_with("max_message_size", positive_size);
            let idle_timeout = fields.optional_with("idle_timeout", positive_span);
            Some(Self { path: path?, handler: handler?, max_message_size, idle_timeout })
        })??;
        // A WebSocket opens with a GET request, so a channel and a GET route cannot share a path.
        if served.insert((HttpMethod::Get, channel.path.shape())) {
            return Some(channel);
        }
        at.refuse(format!("{} is served by a GET route or a channel above", channel.path))
    }
}

#[expect(clippy::ref_option, reason = "serde's `serialize_with` passes the field by reference")]
pub(super) fn size_as_text<S: Serializer>(size: &Option<ByteSize>, serializer: S) -> Result<S::Ok, S::Error> {
    match size {
        Some(size) => serializer.collect_str(size),
        None => serializer.serialize_none(),
    }
}
