//! How a request's parameters are read: a JSON object in which every member is known.

use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// Reads the parameters of an action.
///
/// # Errors
///
/// `UnknownParameter` for a member that the action does not have here, `MissingParameter` for one that it needs,
/// `InvalidParameter` for one of another type (all of the API's common codes).
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|fault| {
        let sentence = fault.to_string();
        let code = if sentence.starts_with("unknown field") {
            "UnknownParameter"
        } else if sentence.starts_with("missing field") {
            "MissingParameter"
        } else {
            "InvalidParameter"
        };
        Refusal::new(code, sentence)
    })
}

/// Which sub application a request is about, whatever else it says; 0 where it names none.
///
/// # Errors
///
/// As [`read`].
pub(super) fn sub_app_id(body: &[u8]) -> Result<u64, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Only {
        sub_app_id: Option<u64>,
    }
    Ok(read::<Only>(body)?.sub_app_id.unwrap_or(0))
}
