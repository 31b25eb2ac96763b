//! The apps that an instance serves, from the file's tables and the environment.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Faults;
use super::resolver::{self, Resolver};
use super::rules;
use super::secret::Secret;
use super::settings::{
    ALLOW_UNAUTHENTICATED_CALLBACKS, API_ENDPOINT, APP_TABLES, CALLBACK_TOKEN, EVENTS, NAME,
    RECONCILE_EVERY, RESOLVERS, SECRET_ID, SECRET_KEY, SECRET_TOKEN, SIGN_KEY, SUB_APP_ID, Setting,
    UNSIGNED_V2,
};
use super::values::Values;

/// The longest name of an app; it is part of every callback address.
const LONGEST_NAME_CHARS: usize = 32;

/// One VOD application: its key pair, and how its notifications prove that they are VOD's.
#[derive(Clone)]
pub struct App {
    /// What we call it.
    pub name: AppName,
    /// The id of the Tencent Cloud API key; no secret.
    pub secret_id: String,
    /// The Tencent Cloud API key.
    pub secret_key: Secret,
    /// The token that belongs to it if it is a temporary one.
    pub secret_token: Option<Secret>,
    /// The VOD application; `None` is the account's main one.
    pub sub_app_id: Option<u64>,
    /// Where VOD's API is, without a slash at the end.
    pub api_endpoint: String,
    /// How its events come.
    pub events: Events,
    /// How often VOD is asked what it holds, if it is at all.
    pub reconcile_every: Option<Duration>,
    /// The keys that a notification may be signed with; empty if it need not be signed.
    pub sign_keys: Vec<Secret>,
    /// The tokens that a callback address may end in; empty if it need not have one.
    pub callback_tokens: Vec<Secret>,
    /// Whether format 2.0 passes by its token alone although there is a sign key.
    pub unsigned_v2: bool,
    /// Whether notifications are taken that prove nothing.
    pub allow_unauthenticated_callbacks: bool,
    /// How the user is read from a context that is no ticket, the first that finds one first; mostly none.
    pub resolvers: Vec<Resolver>,
}

/// How VOD tells an app's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// VOD posts them to the callback address.
    Push,
    /// We take them from VOD's queue.
    Pull,
}

/// The name of an app: 1 to 32 of `a-z 0-9 - _`, with a letter or a digit first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppName(String);

/// A text that is no name of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an app's name must be {}", NAME.wanted)]
pub struct InvalidAppName;

impl AppName {
    /// `main`: the first app, and the only one of most instances.
    pub fn main() -> Self {
        Self(String::from("main"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl App {
    /// Whether a notification may be posted: what nobody has to prove anything for is closed where events are
    /// pulled, unless it was opened by name.
    pub fn takes_pushes(&self) -> bool {
        self.events == Events::Push
            || !self.sign_keys.is_empty()
            || !self.callback_tokens.is_empty()
            || self.allow_unauthenticated_callbacks
    }
}

impl FromStr for Events {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "push" => Ok(Self::Push),
            "pull" => Ok(Self::Pull),
            _ => Err(()),
        }
    }
}

impl FromStr for AppName {
    type Err = InvalidAppName;

    fn from_str(text: &str) -> Result<Self, InvalidAppName> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        let fits = text.len() <= LONGEST_NAME_CHARS
            && text.bytes().all(allowed)
            && text
                .bytes()
                .next()
                .is_some_and(|first| first.is_ascii_alphanumeric());
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAppName)
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("name", &self.name)
            .field("secret_id", &self.secret_id)
            .field("secret_token_is_set", &self.secret_token.is_some())
            .field("sub_app_id", &self.sub_app_id)
            .field("api_endpoint", &self.api_endpoint)
            .field("events", &self.events)
            .field("reconcile_every", &self.reconcile_every)
            .field("sign_keys", &self.sign_keys.len())
            .field("callback_tokens", &self.callback_tokens.len())
            .field("unsigned_v2", &self.unsigned_v2)
            .field(
                "allow_unauthenticated_callbacks",
                &self.allow_unauthenticated_callbacks,
            )
            .field("resolvers", &self.resolvers.len())
            .finish_non_exhaustive()
    }
}

/// One `[[app]]` table of the file, before it is judged.
pub struct AppTable {
    /// What its keys are preceded by in a fault.
    pub place: String,
    /// What it says.
    pub values: Values,
}

/// Makes the apps from the file's tables and from what the environment says about `main`.
pub fn build(tables: Vec<AppTable>, environment: Values, faults: &mut Faults) -> Vec<App> {
    let mut drafts: Vec<Draft> = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        drafts.push(Draft::from_table(index, table, faults));
    }
    refuse_same_names(&drafts, faults);
    apply_environment(&mut drafts, environment, faults);
    drafts
        .into_iter()
        .filter_map(|draft| draft.app(faults))
        .collect()
}

/// Refuses two tables with one name.
fn refuse_same_names(drafts: &[Draft], faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for draft in drafts {
        if let Some(name) = &draft.name
            && !seen.insert(name)
        {
            let setting = draft.called(&NAME);
            faults.tell(format!(
                "{setting} {name} is taken by another [[{APP_TABLES}]] table."
            ));
        }
    }
}

/// Puts the environment on top of the table `main`, or makes the only app from it.
fn apply_environment(drafts: &mut Vec<Draft>, environment: Values, faults: &mut Faults) {
    if environment.is_empty() {
        return;
    }
    let main = AppName::main();
    if let Some(draft) = drafts
        .iter_mut()
        .find(|draft| draft.name.as_ref() == Some(&main))
    {
        draft.values.override_with(environment);
    } else if drafts.is_empty() {
        drafts.push(Draft {
            name: Some(main),
            place: None,
            values: environment,
        });
    } else if drafts.iter().all(|draft| draft.name.is_some()) {
        let names: Vec<String> = environment.names().collect();
        let names = names.join(", ");
        faults.tell(format!(
            "{names} would apply to the app {main}, but no [[{APP_TABLES}]] table has that name."
        ));
    }
}

/// An app whose settings are still to be judged.
struct Draft {
    /// `None` if its table gives no right name, which is then told already.
    name: Option<AppName>,
    /// Its table, as it is called in a fault; `None` for the environment.
    place: Option<String>,
    values: Values,
}

impl Draft {
    /// The draft of the table at `index`, with its name.
    fn from_table(index: usize, table: AppTable, faults: &mut Faults) -> Self {
        let AppTable { place, values } = table;
        let name = if values.has(&NAME) {
            values.parse(&NAME, |text| text.parse().ok(), faults)
        } else if index == 0 {
            Some(AppName::main())
        } else {
            faults.tell(format!("{place}{} must be set: {}.", NAME.key, NAME.wanted));
            None
        };
        Self {
            name,
            place: Some(place),
            values,
        }
    }

    /// The app, unless something about it is wrong.
    fn app(self, faults: &mut Faults) -> Option<App> {
        self.require(&SECRET_ID, faults);
        self.require(&SECRET_KEY, faults);
        let values = &self.values;
        let secret_id = values.parse(&SECRET_ID, rules::visible, faults);
        let secret_key = values.secret(&SECRET_KEY, |text| rules::visible(text).is_some(), faults);
        let is_visible = |text: &str| rules::is_visible(text);
        let secret_token = values.secret(&SECRET_TOKEN, is_visible, faults);
        let sub_app_id = values.parse(&SUB_APP_ID, rules::whole, faults);
        let api_endpoint = values.parse(&API_ENDPOINT, rules::endpoint, faults);
        let events = values.parse(&EVENTS, |text| text.parse().ok(), faults);
        let reconcile_every = values.parse(&RECONCILE_EVERY, rules::interval, faults);
        let sign_keys = values.secrets(&SIGN_KEY, rules::is_sign_key, faults);
        let callback_tokens = values.secrets(&CALLBACK_TOKEN, rules::is_callback_token, faults);
        let unsigned_v2 = values.parse(&UNSIGNED_V2, rules::flag, faults);
        let allow = values.parse(&ALLOW_UNAUTHENTICATED_CALLBACKS, rules::flag, faults);
        let resolvers = values.judge(&RESOLVERS, resolver::read_lines, faults);
        // A flag that is not understood is a fault already, and no ground for another.
        let may_lack_it = allow != Some(false) || events != Some(Events::Push);
        self.judge_authentication(unsigned_v2 == Some(true), may_lack_it, faults);
        Some(App {
            name: self.name?,
            secret_id: secret_id?,
            secret_key: secret_key?,
            secret_token,
            sub_app_id,
            api_endpoint: api_endpoint?,
            events: events?,
            reconcile_every,
            sign_keys,
            callback_tokens,
            unsigned_v2: unsigned_v2?,
            allow_unauthenticated_callbacks: allow?,
            resolvers: resolvers.unwrap_or_default(),
        })
    }

    /// Tells if a setting that has to be there is not.
    fn require(&self, setting: &Setting, faults: &mut Faults) {
        if !self.values.has(setting) {
            faults.tell(format!(
                "{} must be set: {}.",
                self.called(setting),
                setting.wanted
            ));
        }
    }

    /// Tells if notifications could be anybody's.
    fn judge_authentication(&self, unsigned_v2: bool, may_lack_it: bool, faults: &mut Faults) {
        let has_token = self.values.has(&CALLBACK_TOKEN);
        let token = self.called(&CALLBACK_TOKEN);
        if unsigned_v2 && !has_token {
            let unsigned = self.called(&UNSIGNED_V2);
            faults.tell(format!(
                "{token} must be set with {unsigned}: nothing else is checked then."
            ));
        }
        if !(may_lack_it || has_token || self.values.has(&SIGN_KEY)) {
            faults.tell(format!(
                "{} or {token} must be set, else anybody can post to the callback address ({} \
                 allows that).",
                self.called(&SIGN_KEY),
                self.called(&ALLOW_UNAUTHENTICATED_CALLBACKS),
            ));
        }
    }

    /// The name by which the one who wrote this app knows a setting.
    fn called(&self, setting: &Setting) -> String {
        match (&self.place, setting.variable) {
            (None, Some(variable)) => variable.to_owned(),
            (place, _) => format!("{}{}", place.as_deref().unwrap_or_default(), setting.key),
        }
    }
}
