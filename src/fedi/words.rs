//! A server's words in an error answer: read whatever they are, judged by what they speak of, made safe to show.
//!
//! Invariants: reading never fails: the answer may be JSON with a string or an object, HTML, text or nothing (SERVERS.md
//! §3, rule 6). What comes out is one line of at most 200 characters with anything like a token removed. What follows
//! from the words is not known here.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The longest piece of a server's words we show, in characters.
const LONGEST: usize = 200;

/// What a server said in an error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerWords {
    /// An `error` field with something to say about what was sent.
    Validation(String),
    /// An `error` field that speaks of tokens, scopes or rights, or says nothing but the status' own name.
    Other(String),
    /// HTML, plain text or nothing: perhaps not even the server's own.
    Nothing(String),
}

impl ServerWords {
    /// Reads an error body, whatever it is.
    pub(super) fn read(body: &[u8], secret: &SecretString) -> ServerWords {
        let text = String::from_utf8_lossy(body);
        let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
            let looks_like_markup = text.trim_start().starts_with('<');
            return ServerWords::Nothing(if looks_like_markup { String::new() } else { one_line(&text, secret) });
        };
        let Some(said) = json_words(&value) else { return ServerWords::Nothing(String::new()) };
        let line = one_line(&said, secret);
        if line.is_empty() {
            ServerWords::Nothing(line)
        } else if speaks_of_rights(&said) || is_bare_status(&said) {
            ServerWords::Other(line)
        } else {
            ServerWords::Validation(line)
        }
    }

    /// The words alone; may be empty.
    pub(super) fn into_text(self) -> String {
        match self {
            ServerWords::Validation(words) | ServerWords::Other(words) | ServerWords::Nothing(words) => words,
        }
    }
}

/// The human part of a JSON error: `error` as a string or an object, `error_description`, `message`, or the string itself.
fn json_words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => {
            let mut said = Vec::new();
            for key in ["error", "error_description", "message", "detail", "title"] {
                match map.get(key) {
                    Some(Value::String(text)) if !said.contains(text) => said.push(text.clone()),
                    Some(inner @ Value::Object(_)) if key == "error" => {
                        said.push(json_words(inner).unwrap_or_else(|| inner.to_string()));
                    }
                    Some(inner @ Value::Array(_)) if key == "error" => said.push(inner.to_string()),
                    _ => {}
                }
            }
            (!said.is_empty()).then(|| said.join(": "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn speaks_of_rights(said: &str) -> bool {
    const WORDS: [&str; 16] = [
        "token",
        "unauthor",
        "not authori",
        "authoriz",
        "authoris",
        "authentic",
        "oauth",
        "scope",
        "forbidden",
        "login",
        "log in",
        "logged in",
        "credential",
        "access denied",
        "invalid_grant",
        "permission",
    ];
    let said = said.to_lowercase();
    WORDS.iter().any(|word| said.contains(word))
}

/// An `error` that only repeats the name of its status says nothing of what was wrong.
fn is_bare_status(said: &str) -> bool {
    const NAMES: [&str; 7] = [
        "bad request",
        "unprocessable entity",
        "unprocessable content",
        "not found",
        "error",
        "invalid request",
        "payload too large",
    ];
    let said = said.trim().trim_end_matches('.').to_lowercase();
    NAMES.contains(&said.as_str())
}

/// One line of at most 200 characters, without control characters and without anything like a token.
pub(super) fn one_line(text: &str, secret: &SecretString) -> String {
    let hidden = match secret.expose_secret() {
        "" => text.to_owned(),
        token => text.replace(token, "[hidden]"),
    };
    let mut line = String::new();
    let mut bearer_before = false;
    for word in hidden.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        let token_like = bearer_before || longest_token_run(word) >= 40;
        line.push_str(if token_like { "[hidden]" } else { word });
        bearer_before = word.eq_ignore_ascii_case("bearer");
        if line.chars().count() > LONGEST {
            break;
        }
    }
    if line.chars().count() > LONGEST {
        line = line.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    line
}

/// Mastodon's tokens have 43 characters, GoToSocial's 48: an unbroken run of 40 is treated as one.
fn longest_token_run(word: &str) -> usize {
    word.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: ServerWords) {
        let secret = SecretString::from("s3cret-t0ken");
        assert_eq!(ServerWords::read(body.as_bytes(), &secret), expected, "{body}");
    }

    fn validation(text: &str) -> ServerWords {
        ServerWords::Validation(text.to_owned())
    }
    fn other(text: &str) -> ServerWords {
        ServerWords::Other(text.to_owned())
    }
    fn nothing(text: &str) -> ServerWords {
        ServerWords::Nothing(text.to_owned())
    }

    #[test]
    fn an_error_answer_of_any_shape_is_read() {
        check(
            r#"{"error":"Validation failed: Text can't be blank"}"#,
            validation("Validation failed: Text can't be blank"),
        );
        check(r#"{"error":"invalid_post","error_description":"too long"}"#, validation("invalid_post: too long"));
        check(r#"{"error":{"message":"text is missing"}}"#, validation("text is missing"));
        check(r#"{"error":{"issues":[1]}}"#, validation(r#"{"issues":[1]}"#));
        check(r#""Media is still processing""#, validation("Media is still processing"));
        check(r#"{"error":"The access token is invalid"}"#, other("The access token is invalid"));
        check(
            r#"{"error":"This action is outside the authorized scopes"}"#,
            other("This action is outside the authorized scopes"),
        );
        check(r#"{"error":"Bad Request"}"#, other("Bad Request"));
        check(r#"{"error":""}"#, nothing(""));
        check(r#"{"error":null}"#, nothing(""));
        check("[]", nothing(""));
        check("", nothing(""));
        check("Throttled\n\tnow", nothing("Throttled now"));
        check("<html><body>502</body></html>", nothing(""));
        check("{\"error\":\"cut", nothing("{\"error\":\"cut"));
    }

    #[test]
    fn nothing_like_a_token_is_shown() {
        check(r#"{"error":"bad value s3cret-t0ken here"}"#, validation("bad value [hidden] here"));
        check(r#"{"error":"header was Bearer abc"}"#, validation("header was Bearer [hidden]"));
        check(&format!(r#"{{"error":"got {}"}}"#, "aB3_".repeat(12)), validation("got [hidden]"));
    }

    #[test]
    fn words_are_cut_to_one_line_of_200_characters() {
        let line = one_line(&"ü word\n".repeat(1000), &SecretString::from(""));
        assert_eq!(line.chars().count(), 200);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn bytes_that_are_no_text_are_survived() {
        assert_eq!(ServerWords::read(&[0xff, 0x00, 0xfe], &SecretString::from("x")).into_text(), "\u{fffd} \u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_reading_panic_or_shows_the_token(before in ".{0,60}", after in ".{0,300}", bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let secret = SecretString::from("s3cret-t0ken");
            for body in [format!("{before}s3cret-t0ken{after}"), serde_json::json!({ "error": format!("{before}s3cret-t0ken{after}") }).to_string()] {
                let words = ServerWords::read(body.as_bytes(), &secret).into_text();
                proptest::prop_assert!(!words.contains("s3cret-t0ken") && words.chars().count() <= LONGEST && !words.contains('\n'));
            }
            let _read = ServerWords::read(&bytes, &secret);
        }
    }
}
