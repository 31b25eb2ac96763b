//! API keys: who may ask what. A handler that needs a caller takes a [`Caller`] of the scope it wants.

pub mod audit;
pub mod keys;
mod sql;
mod uses;

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, dev, web};

use crate::config::{AppName, Secret};
use crate::http::problem::Problem;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::random::Random;
use audit::{Actor, Deed};
use keys::KeyHash;
pub use uses::Uses;
use uuid::Uuid;

/// What a key opens.
pub trait Scope: 'static {
    /// The name by which a key carries it.
    const NAME: &'static str;
}

/// May ask for signatures.
pub struct Sign;
/// May ask who uploaded what.
pub struct Read;
/// May put right what was recorded.
pub struct Admin;

impl Scope for Sign {
    const NAME: &'static str = "sign";
}

impl Scope for Read {
    const NAME: &'static str = "read";
}

impl Scope for Admin {
    const NAME: &'static str = "admin";
}

/// Every scope there is.
pub const SCOPES: [&str; 3] = ["sign", "read", "admin"];

/// Where keys are looked up: the table, and the one key of the configuration.
pub struct Keyring {
    database: Database,
    /// Opens everything; for containers.
    admin_key: Option<Secret>,
    clock: Clock,
    random: Random,
    uses: Uses,
}

impl Keyring {
    /// A keyring over a database that may not be there yet.
    pub fn new(
        database: Database,
        admin_key: Option<Secret>,
        clock: Clock,
        random: Random,
    ) -> Self {
        Self {
            database,
            admin_key,
            clock,
            random,
            uses: Uses::default(),
        }
    }

    /// When its keys were used: has to be written by somebody.
    pub fn uses(&self) -> Uses {
        self.uses.clone()
    }
}

/// Whoever holds a key with scope `S`.
pub struct Caller<S> {
    /// The key's name: for the log and the audit trail.
    pub name: String,
    /// The key in the table; the one of the configuration is not there.
    id: Option<Uuid>,
    /// The apps to which the key is bound; `None` is all.
    apps: Option<Vec<String>>,
    keyring: web::Data<Keyring>,
    scope: PhantomData<S>,
}

impl Caller<Admin> {
    /// Commits to the audit trail what this caller is about to do: if that fails, it must not be done.
    pub async fn note(&self, deed: Deed<'_>) -> Result<(), Problem> {
        let Keyring {
            database,
            clock,
            random,
            ..
        } = self.keyring.get_ref();
        let actor = Actor::Key {
            name: &self.name,
            id: self.id,
        };
        let mut connection = database.pool()?.acquire().await?;
        audit::note(&mut connection, &actor, &deed, clock, random).await?;
        Ok(())
    }
}

impl<S> Caller<S> {
    /// Refuses an app to which the key is not bound.
    pub fn may_use(&self, app: &str) -> Result<(), Problem> {
        match &self.apps {
            Some(apps) if !apps.iter().any(|bound| bound == app) => Err(Problem::Forbidden(
                format!("this key is not bound to app `{app}`"),
            )),
            _ => Ok(()),
        }
    }

    /// The apps of which a list may tell: the one asked for, else those of the key; `None` is all.
    pub fn narrow(&self, asked: Option<String>) -> Result<Option<Vec<String>>, Problem> {
        match asked {
            Some(app) => {
                app.parse::<AppName>()
                    .map_err(|rule| Problem::field("app", rule.to_string()))?;
                self.may_use(&app)?;
                Ok(Some(vec![app]))
            }
            None => Ok(self.apps.clone()),
        }
    }

    /// The apps to which the key is bound; `None` is all.
    pub fn apps(&self) -> Option<&[String]> {
        self.apps.as_deref()
    }
}

impl<S: Scope> FromRequest for Caller<S> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let key = bearer(request).map(str::to_owned);
        let keyring = request.app_data::<web::Data<Keyring>>().cloned();
        Box::pin(async move {
            let keyring = keyring.ok_or(Problem::Internal)?;
            let key = key.ok_or(Problem::Unauthenticated)?;
            if keyring
                .admin_key
                .as_ref()
                .is_some_and(|admin| admin.matches(&key))
            {
                return Ok(Self {
                    name: "admin".to_owned(),
                    id: None,
                    apps: None,
                    keyring,
                    scope: PhantomData,
                });
            }
            let now = keyring.clock.now();
            let mut connection = keyring.database.pool()?.acquire().await?;
            let held = sql::find(&mut connection, &KeyHash::of(&key), now)
                .await?
                .ok_or(Problem::Unauthenticated)?;
            keyring.uses.note(held.id, now);
            if !held.scopes.iter().any(|scope| scope == S::NAME) {
                return Err(Problem::Forbidden(format!(
                    "this key does not have scope `{}`",
                    S::NAME
                )));
            }
            Ok(Self {
                name: held.name,
                id: Some(held.id),
                apps: held.apps,
                keyring,
                scope: PhantomData,
            })
        })
    }
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, key) = request
        .headers()
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
