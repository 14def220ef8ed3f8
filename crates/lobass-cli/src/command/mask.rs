//! `lobass mask`.

use lobass::mask::MaskJob;
use lobass_select::{Scope, TokenMask, TokenScore};

use crate::args::{MaskArgs, MaskMethod, ScopeArg};
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn mask(args: &MaskArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let job = MaskJob {
        scores: &args.scores,
        mask: token_mask(args),
        index: args.index.as_deref(),
        out: &args.out,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::Done)
}

fn token_mask(args: &MaskArgs) -> TokenMask {
    let (score, scope) = match args.method {
        MaskMethod::Rho1 => (TokenScore::Rho1, Scope::Row),
        MaskMethod::TokenCleaning => (TokenScore::TokenCleaning, Scope::Pool),
    };
    let scope = match args.scope {
        None => scope,
        Some(ScopeArg::Pool) => Scope::Pool,
        Some(ScopeArg::Row) => Scope::Row,
    };
    TokenMask { score, keep: args.keep, scope }
}
