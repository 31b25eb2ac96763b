//! Whether a request is signed as VOD wants it (protocol.md section 5).

use super::SimulatorSettings;
use super::refusal::Refusal;
use super::seen::Seen;
use chrono::{DateTime, Utc};

/// Checks who asks.
///
/// # Errors
///
/// None yet: signatures are not looked at.
pub(super) fn check(
    _seen: &Seen,
    _body: &[u8],
    _settings: &SimulatorSettings,
    _now: DateTime<Utc>,
) -> Result<(), Refusal> {
    Ok(())
}
