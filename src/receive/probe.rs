//! `GET /callbacks/{app}`: proves to `doctor` which receiver stands behind an address, and does nothing else.
//!
//! Whoever asks shows that they know what opens this door, and is shown the same. It does not travel, so that an
//! address may be tried of which nobody knows yet where it leads. Everybody else gets the 401 of the callbacks,
//! whether the app exists or not.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::config::{App, Config, Secret};
use crate::http::problem::{Problem, ProblemBody};
use crate::ops::random::Random;

/// The header in which it is asked.
pub const HEADER: &str = "Vod-Receiver-Probe";

/// One question: a text that was never asked before.
pub struct Probe(String);

/// Who answers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Proof {
    /// HMAC-SHA256 of the question, in hex; who asked can tell whether it is right.
    #[schema(example = "b7f6c1e0a4d2...")]
    proof: String,
}

#[derive(Clone, Copy)]
enum Part {
    Question,
    Answer,
}

/// Proves to `vod-receiver doctor` which receiver answers here; changes nothing.
#[utoipa::path(
    tag = "callbacks",
    params(
        ("app" = String, Path, description = "Name of the app", example = "main"),
        ("Vod-Receiver-Probe" = String, Header, description = "A question signed with the app's token or SignKey", example = "question.signature"),
    ),
    responses(
        (status = 200, description = "The proof", body = Proof),
        (status = 401, description = "Not authenticated; nothing is told", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/callbacks/{app}")]
pub async fn answer_probe(
    request: HttpRequest,
    path: Path<String>,
    config: Data<Config>,
) -> Result<Json<Proof>, Problem> {
    let app = config.app(&path).filter(|app| app.takes_pushes());
    let asked = request.headers().get(HEADER);
    let asked = asked.and_then(|value| value.to_str().ok());
    let proof = app
        .zip(asked)
        .and_then(|(app, asked)| Proof::of(app, asked))
        .ok_or(Problem::CallbackUnauthenticated)?;
    Ok(Json(proof))
}

impl Probe {
    /// A question.
    pub fn new(random: &Random) -> Self {
        Self(random.key(""))
    }

    /// The value of the header that asks it of the receiver of an app.
    pub fn header(&self, app: &App) -> String {
        let key = &keys(app)[0];
        format!("{}.{}", self.0, mac(key, app, Part::Question, &self.0))
    }

    /// Whether a receiver that has this app answered.
    pub fn is_answered(&self, app: &App, proof: &Proof) -> bool {
        matching(app, Part::Answer, &self.0, &proof.proof).is_some()
    }
}

impl Proof {
    /// `None` if the question is of somebody who does not know what opens the door.
    fn of(app: &App, header: &str) -> Option<Self> {
        let (question, claimed) = header.split_once('.')?;
        let key = matching(app, Part::Question, question, claimed)?;
        Some(Self {
            proof: mac(key, app, Part::Answer, question),
        })
    }
}

/// What opens the door of an app, the newest first; never empty. Where nothing is asked for, its SecretKey is what
/// tells it from another.
fn keys(app: &App) -> &[Secret] {
    if !app.callback_tokens.is_empty() {
        &app.callback_tokens
    } else if !app.sign_keys.is_empty() {
        &app.sign_keys
    } else {
        std::slice::from_ref(&app.secret_key)
    }
}

/// The key that made a MAC. All are tried, each in constant time.
fn matching<'a>(app: &'a App, part: Part, question: &str, claimed: &str) -> Option<&'a Secret> {
    keys(app).iter().fold(None, |found, key| {
        let made = mac(key, app, part, question);
        let is_it: bool = made.as_bytes().ct_eq(claimed.as_bytes()).into();
        if is_it { Some(key) } else { found }
    })
}

/// What is signed looks like nothing that VOD takes a signature of.
fn mac(key: &Secret, app: &App, part: Part, question: &str) -> String {
    let part = match part {
        Part::Question => "question",
        Part::Answer => "answer",
    };
    let keyed = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes());
    let keyed = keyed.expect("HMAC takes keys of any length");
    let text = format!("vod-receiver probe\n{part}\n{}\n{question}", app.name);
    let mac = keyed.chain_update(text).finalize().into_bytes();
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}
