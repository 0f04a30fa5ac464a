//! Where an answer sends a request, if anywhere.
//! It does not say whether the request may go there: the next hop asks again for everything.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use plugdock_contracts::permission::RequestUrl;
use plugdock_contracts::service::ServiceError;

use super::failure;
use super::outgoing::Outgoing;

/// Why there is no place in a `Location`.
#[derive(Debug, thiserror::Error)]
enum LocationError {
    #[error("there are several `Location` headers")]
    Several,
    #[error("the `Location` is no text")]
    NoText,
}

/// The place to go on to; `None` if this answer is the plugin's to read.
pub(super) fn target(
    url: &RequestUrl,
    outgoing: &Outgoing,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<RequestUrl>, ServiceError> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let mut locations = headers.get_all(header::LOCATION).iter();
    let Some(location) = locations.next().filter(|_| is_redirect) else { return Ok(None) };
    let origin = url.origin();
    if locations.next().is_some() {
        return Err(failure::bad_redirect(&origin, &LocationError::Several));
    }
    let Ok(location) = std::str::from_utf8(location.as_bytes()) else {
        return Err(failure::bad_redirect(&origin, &LocationError::NoText));
    };
    match url.redirect(location) {
        Err(error) => {
            Err(failure::refused_sort(&error).unwrap_or_else(|| failure::bad_redirect(&origin, &error)))
        }
        // The service that answered must not choose who else gets to see the body.
        Ok(target) if !url.is_same_origin(&target) && outgoing.resends_body(status) => Ok(None),
        Ok(target) => Ok(Some(target)),
    }
}
