//! `GET /callbacks/{app}`: proves to `doctor` which receiver stands behind an address, and does nothing else.
//!
//! Whoever asks shows that they have the app's SecretKey, and is shown the same; the key itself and the callback
//! token do not travel, so that an address may be tried of which nobody knows yet where it leads. Everybody else
//! gets the 401 of the callbacks, whether the app exists or not.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::config::{App, Config};
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
        ("app" = String, Path, description = "Name of the app"),
        ("Vod-Receiver-Probe" = String, Header, description = "A question signed with the app's SecretKey"),
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
        format!("{}.{}", self.0, mac(app, Part::Question, &self.0))
    }

    /// Whether a receiver with the key of this app answered.
    pub fn is_answered(&self, app: &App, proof: &Proof) -> bool {
        matches(app, Part::Answer, &self.0, &proof.proof)
    }
}

impl Proof {
    /// `None` if the question is not of somebody with the app's key.
    fn of(app: &App, header: &str) -> Option<Self> {
        let (question, claimed) = header.split_once('.')?;
        matches(app, Part::Question, question, claimed).then(|| Self {
            proof: mac(app, Part::Answer, question),
        })
    }
}

fn mac(app: &App, part: Part, question: &str) -> String {
    let mac = keyed(app, part, question).finalize().into_bytes();
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares in constant time.
fn matches(app: &App, part: Part, question: &str, claimed: &str) -> bool {
    mac(app, part, question)
        .as_bytes()
        .ct_eq(claimed.as_bytes())
        .into()
}

/// What it signs looks like nothing that VOD takes a signature of.
fn keyed(app: &App, part: Part, question: &str) -> Hmac<Sha256> {
    let part = match part {
        Part::Question => "question",
        Part::Answer => "answer",
    };
    let key = app.secret_key.expose().as_bytes();
    let keyed = Hmac::<Sha256>::new_from_slice(key);
    let mut keyed = keyed.expect("HMAC takes keys of any length");
    keyed.update(format!("vod-receiver probe\n{part}\n{}\n{question}", app.name).as_bytes());
    keyed
}
