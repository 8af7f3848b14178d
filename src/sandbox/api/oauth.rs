//! Registering an app and trading a code for a token: authorization code with or without PKCE, out-of-band redirect.
//!
//! Anybody may agree as any account: this is a sandbox.

use axum::extract::State as Context;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{html, json as answer, set, text};
use crate::sandbox::endpoint::Endpoint;
use crate::sandbox::gate::{Caller, bearer};
use crate::sandbox::html::escape;
use crate::sandbox::ids::AccountKey;
use crate::sandbox::paging::encode;
use crate::sandbox::params::Params;
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{AppRow, CodeRow, Part, State};

const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
const BAD_CLIENT: Refused = Refused::OAuth {
    status: 401,
    error: "invalid_client",
    description: "Client authentication failed due to unknown client, no client authentication included, or unsupported \
                  authentication method.",
};
const BAD_GRANT: Refused = Refused::OAuth {
    status: 400,
    error: "invalid_grant",
    description: "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used \
                  in the authorization request, or was issued to another client.",
};
const BAD_GRANT_TYPE: Refused = Refused::OAuth {
    status: 400,
    error: "unsupported_grant_type",
    description: "The authorization grant type is not supported by the authorization server.",
};

pub(crate) async fn register(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, Refused> {
    let name =
        params.text("client_name").ok_or_else(|| Refused::Invalid("Application name can't be blank".to_owned()))?;
    let mut redirects = params.list("redirect_uris").unwrap_or_default();
    redirects.extend(params.text("redirect_uris").map(str::to_owned));
    let redirect = redirects.first().ok_or_else(|| Refused::Invalid("Redirect URI can't be blank".to_owned()))?.clone();
    let scopes = params.text("scopes").unwrap_or("read").to_owned();
    let website = params.text("website").map(str::to_owned);
    sandbox.change(|state| {
        let (client_id, secret) = (state.secret(), state.secret());
        let number = state.apps.len() + 1;
        let body = json!({
            "id": number.to_string(), "name": name, "website": website, "scopes": scopes.split(' ').collect::<Vec<_>>(),
            "redirect_uri": redirect, "redirect_uris": redirects, "client_id": client_id, "client_secret": secret,
            "client_secret_expires_at": 0, "vapid_key": "",
        });
        let row = AppRow { name: name.to_owned(), website, secret, redirect_uri: redirect, scopes };
        state.apps.insert(client_id, row);
        Ok(answer(200, &body))
    })
}

pub(crate) async fn verify_app(
    Context(sandbox): Context<Sandbox>,
    caller: axum::Extension<Caller>,
) -> Result<Response, Refused> {
    match &caller.0 {
        Caller::Refused(refused) => Err(refused.clone()),
        Caller::Nobody => Err(Refused::Token { status: 401, message: "The access token is invalid" }),
        Caller::App | Caller::Account(_) => sandbox.look(|state| {
            let app = state.apps.values().next();
            let (name, website) = app.map_or(("Sandbox", None), |app| (app.name.as_str(), app.website.as_deref()));
            Ok(answer(200, &json!({ "name": name, "website": website, "scopes": ["read"], "vapid_key": "" })))
        }),
    }
}

impl State {
    /// Agrees as this account and makes the code an app trades for a token.
    pub(crate) fn authorize(
        &mut self,
        client_id: &str,
        account: AccountKey,
        challenge: Option<String>,
    ) -> Result<String, Refused> {
        let app = self.apps.get(client_id).ok_or(BAD_CLIENT)?.clone();
        let code = self.secret();
        let (redirect_uri, scopes) = (app.redirect_uri, app.scopes);
        let row = CodeRow { client_id: client_id.to_owned(), account, redirect_uri, scopes, challenge };
        self.codes.insert(code.clone(), row);
        Ok(code)
    }
}

/// The page a person sees: which account shall the app act as?
pub(crate) async fn ask(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, Refused> {
    let client_id = params.text("client_id").unwrap_or_default().to_owned();
    sandbox.look(|state| {
        let app = state.apps.get(&client_id).ok_or(BAD_CLIENT)?;
        let mut names: Vec<&str> =
            state.accounts.values().filter(|row| row.part == Part::Campaign).map(|row| row.username.as_str()).collect();
        names.sort_unstable();
        let choices: String = names
            .iter()
            .map(|name| format!("<button name=\"account\" value=\"{0}\">Agree as {0}</button> ", escape(name)))
            .collect();
        let hidden: String = ["client_id", "redirect_uri", "state", "code_challenge"]
            .iter()
            .filter_map(|name| params.text(name).map(|value| (name, value)))
            .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value)))
            .collect();
        Ok(html(format!(
            "<!doctype html><html lang=\"en\"><title>Authorize</title><h1>{} asks to act for an account</h1>\
             <form method=\"post\">{hidden}{choices}</form>",
            escape(&app.name)
        )))
    })
}

pub(crate) async fn agree(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, Refused> {
    let client_id = params.text("client_id").unwrap_or_default();
    let challenge = params.text("code_challenge").map(str::to_owned);
    let (code, redirect) = sandbox.change(|state| {
        let account = params.text("account").and_then(|name| state.named(name)).ok_or(Refused::NotFound)?.key;
        let code = state.authorize(client_id, account, challenge)?;
        let redirect = state.apps.get(client_id).ok_or(BAD_CLIENT)?.redirect_uri.clone();
        Ok::<_, Refused>((code, redirect))
    })?;
    if redirect == OUT_OF_BAND {
        let page = "<!doctype html><html lang=\"en\"><title>Authorization code</title>\
                    <h1>Copy this code into the application</h1><p><code>";
        return Ok(html(format!("{page}{}</code></p>", escape(&code))));
    }
    let state = params.text("state").map(|state| format!("&state={}", encode(state))).unwrap_or_default();
    let mut response = text(302, "text/plain", "");
    set(&mut response, "location", &format!("{redirect}?code={code}{state}"));
    Ok(response)
}

pub(crate) async fn token(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, Refused> {
    let now = sandbox.now();
    sandbox.change(|state| {
        let client_id = params.text("client_id").unwrap_or_default();
        let app = state.apps.get(client_id).ok_or(BAD_CLIENT)?.clone();
        if params.text("client_secret") != Some(app.secret.as_str()) {
            return Err(BAD_CLIENT);
        }
        let (account, scopes) = match params.text("grant_type") {
            Some("client_credentials") => (None, app.scopes),
            Some("authorization_code") => {
                let code = params.text("code").unwrap_or_default();
                let row = state.codes.get(code).ok_or(BAD_GRANT)?.clone();
                let fits = row.client_id == client_id
                    && params.text("redirect_uri") == Some(row.redirect_uri.as_str())
                    && proves(row.challenge.as_deref(), params.text("code_verifier"));
                if !fits {
                    return Err(BAD_GRANT);
                }
                state.codes.remove(code);
                (Some(row.account), row.scopes)
            }
            _ => return Err(BAD_GRANT_TYPE),
        };
        let token = state.secret();
        state.give_token(token.clone(), account, scopes.clone());
        let body = json!({
            "access_token": token, "token_type": "Bearer", "scope": scopes, "created_at": now.timestamp(),
        });
        Ok(answer(200, &body))
    })
}

/// PKCE with S256: the challenge is the unpadded base64url of the verifier's SHA-256.
fn proves(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(challenge), Some(verifier)) => base64url(&Sha256::digest(verifier.as_bytes())) == challenge,
    }
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let three = chunk.iter().chain([0, 0].iter()).take(3).fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        for place in 0..=chunk.len() {
            let six = three >> (18 - 6 * place) & 63;
            out.extend(LETTERS.get(six).map(|letter| char::from(*letter)));
        }
    }
    out
}

pub(crate) async fn revoke(
    Context(sandbox): Context<Sandbox>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Refused> {
    let token = params.text("token").map(str::to_owned).or_else(|| bearer(&headers, "", Endpoint::OAuth));
    sandbox.change(|state| {
        let client_id = params.text("client_id").unwrap_or_default();
        if !state.apps.contains_key(client_id) {
            return Err(BAD_CLIENT);
        }
        if let Some(row) = token.and_then(|token| state.tokens.get_mut(&token)) {
            row.revoked = Some(401);
        }
        Ok(answer(200, &json!({})))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_the_standard_is_proved_by_its_verifier() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(proves(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some(verifier)));
        assert!(!proves(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some("another")));
    }
}
