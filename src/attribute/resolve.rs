//! The user that a context of the app's own names, by the app's resolvers.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::config::{App, JsonPointer, Resolver};
use crate::ticket::{TICKET_PREFIX, UserId};

/// VOD's own limits are 250 and 1000 characters; what is far longer is none of the texts that it took.
const LONGEST_CONTEXT_BYTES: usize = 4 * 1024;

/// How each app reads users from contexts that are no tickets.
#[derive(Debug, Clone, Default)]
pub struct Resolvers(Arc<HashMap<String, Vec<Resolver>>>);

impl Resolvers {
    /// Those that the apps are configured with; most have none.
    pub fn of(apps: &[App]) -> Self {
        let with_some = apps.iter().filter(|app| !app.resolvers.is_empty());
        Self::by_name(with_some.map(|app| (app.name.as_str(), app.resolvers.clone())))
    }

    /// The same by the names of the apps.
    pub fn by_name<'a>(named: impl IntoIterator<Item = (&'a str, Vec<Resolver>)>) -> Self {
        let named = named.into_iter();
        Self(Arc::new(
            named
                .map(|(app, resolvers)| (app.to_owned(), resolvers))
                .collect(),
        ))
    }

    /// The user that a context names, by the first resolver that finds one; else why each found none, if
    /// there are any.
    pub(super) fn resolve(&self, app: &str, context: &str) -> Result<UserId, Option<String>> {
        let resolvers = self.0.get(app).ok_or(None)?;
        if context.len() > LONGEST_CONTEXT_BYTES {
            let told =
                format!("it is longer than {LONGEST_CONTEXT_BYTES} bytes: no resolver reads it");
            return Err(Some(told));
        }
        // A ticket that was cut or mistyped names nobody: least of all a user of that name.
        if context.starts_with(TICKET_PREFIX) {
            return Err(None);
        }
        let mut whys = Vec::new();
        for (number, resolver) in (1..).zip(resolvers) {
            match user_by(resolver, context) {
                Ok(user_id) => return Ok(user_id),
                Err(why) => whys.push(format!("resolver {number}: {why}")),
            }
        }
        Err(Some(whys.join("; ")))
    }
}

fn user_by(resolver: &Resolver, context: &str) -> Result<UserId, &'static str> {
    let from_json;
    let found = match resolver {
        Resolver::Text => context,
        Resolver::Pattern(pattern) => pattern.user_in(context).ok_or("nothing matches")?,
        Resolver::Json(pointer) => {
            from_json = value_at(pointer, context)?;
            &from_json
        }
    };
    UserId::parse(found)
        .map_err(|_| "what is found is no user id: not 1 to 256 bytes, or with control characters")
}

/// The string or the whole number at a pointer. Another number has no spelling that is certain to be the app's.
fn value_at(pointer: &JsonPointer, context: &str) -> Result<String, &'static str> {
    let document: Value = serde_json::from_str(context).map_err(|_| "it is not JSON")?;
    match document.pointer(pointer.as_str()) {
        None | Some(Value::Null) => Err("nothing is at the pointer"),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        Some(_) => Err("what is at the pointer is neither a string nor a whole number of 64 bits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolvers(written: &[&str]) -> Resolvers {
        let parsed = written.iter().map(|one| one.parse().unwrap()).collect();
        Resolvers::by_name([("main", parsed)])
    }

    #[test]
    fn each_resolver_finds_its_user_or_says_why_not() {
        let no_user_id =
            Err("what is found is no user id: not 1 to 256 bytes, or with control characters");
        let not_scalar =
            Err("what is at the pointer is neither a string nor a whole number of 64 bits");
        let long = "x".repeat(257);
        let table = [
            ("text", "ann", Ok("ann")),
            ("text", " ann ", Ok(" ann ")),
            ("text", "用户/42", Ok("用户/42")),
            ("text", "a\nb", no_user_id),
            ("text", long.as_str(), no_user_id),
            ("json:/uid", r#"{"uid":"ann"}"#, Ok("ann")),
            ("json:/uid", r#"{"uid":42}"#, Ok("42")),
            ("json:/uid", r#"{"uid":-42}"#, Ok("-42")),
            (
                "json:/uid",
                r#"{"uid":18446744073709551615}"#,
                Ok("18446744073709551615"),
            ),
            ("json:/uid", r#"{"uid":18446744073709551616}"#, not_scalar),
            ("json:/uid", r#"{"uid":4.0}"#, not_scalar),
            ("json:/uid", r#"{"uid":true}"#, not_scalar),
            ("json:/uid", r#"{"uid":["ann"]}"#, not_scalar),
            (
                "json:/uid",
                r#"{"uid":null}"#,
                Err("nothing is at the pointer"),
            ),
            (
                "json:/uid",
                r#"{"id":"ann"}"#,
                Err("nothing is at the pointer"),
            ),
            ("json:/uid", r#"{"uid":""}"#, no_user_id),
            ("json:/uid", r#"{"uid":"a\u0000"}"#, no_user_id),
            ("json:/uid", r#"{"uid":"ann"} x"#, Err("it is not JSON")),
            ("json:/uid", "uid=ann", Err("it is not JSON")),
            ("json:/users/0/a~1b", r#"{"users":[{"a/b":7}]}"#, Ok("7")),
            ("regex:^uid=(?<user>[^;]*)", "uid=ann;x", Ok("ann")),
            ("regex:^uid=(?<user>[^;]*)", "uid=;x", no_user_id),
            (
                "regex:^uid=(?<user>[^;]*)",
                "id=ann",
                Err("nothing matches"),
            ),
            ("regex:a|(?<user>b)", "ab", Err("nothing matches")),
        ];
        for (resolver, context, user) in table {
            let found = resolvers(&[resolver]).resolve("main", context);
            let told = found.as_ref().map(UserId::as_str);
            let user = user.map_err(|why| Some(format!("resolver 1: {why}")));
            assert_eq!(told, user.as_ref().copied(), "{resolver} of {context}");
        }
    }

    #[test]
    fn the_first_that_finds_a_user_decides_and_another_apps_are_not_asked() {
        let both = resolvers(&["json:/uid", "json:/id", "text"]);
        let found = |context| both.resolve("main", context).unwrap().to_string();
        assert_eq!(found(r#"{"uid":1,"id":2}"#), "1");
        assert_eq!(found(r#"{"id":2}"#), "2");
        assert_eq!(found(r#"{"i":2}"#), r#"{"i":2}"#);
        assert_eq!(both.resolve("second", "ann"), Err(None));
    }

    #[test]
    fn hostile_contexts_cost_little_and_name_nobody() {
        let all = resolvers(&["json:/a", "regex:^(?<user>(a+)+)$"]);
        let nested = "[".repeat(4_000);
        let backtracking = format!("{}!", "a".repeat(4_000));
        for context in [nested.as_str(), &backtracking, &"a".repeat(5_000), "vt_ann"] {
            assert!(all.resolve("main", context).is_err());
        }
    }
}
