//! Places where a text was damaged on its way: by a wrong encoding, a cut, or an escape that was not undone.

/// A place where a text is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The kind of damage.
    pub kind: DamageKind,
    /// Where, in bytes.
    pub at: usize,
}

/// The kind of damage at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DamageKind {
    /// U+FFFD, which decoders put where bytes could not be decoded.
    Replacement,
    /// U+0000.
    Nul,
    /// Any other control character but tab, line feed, carriage return, and form feed.
    Control,
    /// A code point that Unicode reserves for no character, such as U+FFFF.
    NotACharacter,
    /// U+FEFF inside a text.
    ByteOrderMark,
    /// UTF-8 that was read as Latin-1 or Windows-1252: `cafÃ©`, `donâ€™t`.
    WronglyDecoded,
    /// An escape of half a character as text, such as `\ud83d`: JSON that was escaped twice.
    Surrogate,
}

impl DamageKind {
    /// A description of one such place.
    pub fn what(self) -> &'static str {
        match self {
            Self::Replacement => "a replacement character",
            Self::Nul => "a NUL character",
            Self::Control => "a control character",
            Self::NotACharacter => "a code point that is not a character",
            Self::ByteOrderMark => "a byte order mark",
            Self::WronglyDecoded => "wrongly decoded text",
            Self::Surrogate => "an escape of half a character",
        }
    }
}

/// All places where a text is damaged, in order.
pub fn damage(text: &str) -> impl Iterator<Item = Damage> + '_ {
    text.char_indices().filter_map(|(at, sign)| Some(Damage { kind: kind(sign, &text[at..])?, at }))
}

/// The damage of a character that begins a text.
fn kind(sign: char, text: &str) -> Option<DamageKind> {
    match sign {
        '\t' | '\n' | '\r' | '\u{c}' => None,
        '\u{0}' => Some(DamageKind::Nul),
        '\\' => is_surrogate(text).then_some(DamageKind::Surrogate),
        '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some(DamageKind::Control),
        ' '..='~' => None,
        '\u{feff}' => Some(DamageKind::ByteOrderMark),
        '\u{fffd}' => Some(DamageKind::Replacement),
        '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => Some(DamageKind::NotACharacter),
        _ => is_wrongly_decoded(text).then_some(DamageKind::WronglyDecoded),
    }
}

/// Whether a text begins with `\ud800` to `\udfff`, as JSON spells halves of characters.
fn is_surrogate(text: &str) -> bool {
    let digits = text.as_bytes().get(1..6);
    digits.is_some_and(|digits| {
        digits[0] == b'u'
            && digits[1].eq_ignore_ascii_case(&b'd')
            && matches!(digits[2], b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F')
            && digits[3..].iter().all(u8::is_ascii_hexdigit)
    })
}

/// Whether a text begins with the bytes of a UTF-8 character, each read as a character. What hardly ever stands in good
/// text counts alone (`Ã©`, `Â°`, `â€™`, `ðŸ`); of Cyrillic and Han, two such characters have to follow each other.
fn is_wrongly_decoded(text: &str) -> bool {
    let mut bytes = [0; 6];
    let mut n = 0;
    for (byte, read) in bytes.iter_mut().zip(text.chars().map_while(byte_of)) {
        *byte = read;
        n += 1;
    }
    let continues = |at: usize| at < n && (0x80..=0xbf).contains(&bytes[at]);
    match bytes[0] {
        0xc2 => continues(1) && bytes[1] >= 0xa0,
        0xc3 => continues(1),
        0xe2 => continues(1) && bytes[1] == 0x80 && continues(2),
        0xf0 => continues(1) && bytes[1] == 0x9f,
        0xd0 | 0xd1 => continues(1) && matches!(bytes[2], 0xd0 | 0xd1) && continues(3),
        0xe4..=0xe9 => {
            let leads = (0xe4..=0xe9).contains(&bytes[3]);
            leads && [1, 2, 4, 5].into_iter().all(continues)
        }
        _ => false,
    }
}

/// The byte that Windows-1252 reads as a character, or Latin-1 where Windows-1252 has none.
fn byte_of(sign: char) -> Option<u8> {
    const SPECIAL: [(char, u8); 27] = [
        ('€', 0x80),
        ('‚', 0x82),
        ('ƒ', 0x83),
        ('„', 0x84),
        ('…', 0x85),
        ('†', 0x86),
        ('‡', 0x87),
        ('ˆ', 0x88),
        ('‰', 0x89),
        ('Š', 0x8a),
        ('‹', 0x8b),
        ('Œ', 0x8c),
        ('Ž', 0x8e),
        ('‘', 0x91),
        ('’', 0x92),
        ('“', 0x93),
        ('”', 0x94),
        ('•', 0x95),
        ('–', 0x96),
        ('—', 0x97),
        ('˜', 0x98),
        ('™', 0x99),
        ('š', 0x9a),
        ('›', 0x9b),
        ('œ', 0x9c),
        ('ž', 0x9e),
        ('Ÿ', 0x9f),
    ];
    let special = || SPECIAL.iter().find_map(|(special, byte)| (*special == sign).then_some(*byte));
    u8::try_from(u32::from(sign)).ok().or_else(special)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<DamageKind> {
        damage(text).map(|damage| damage.kind).collect()
    }

    /// UTF-8 read as Windows-1252.
    fn misread(text: &str) -> String {
        let special = |byte: u8| ('\u{100}'..'\u{2200}').find(|sign| byte_of(*sign) == Some(byte));
        text.bytes().map(|byte| special(byte).unwrap_or(char::from(byte))).collect()
    }

    #[test]
    fn each_kind_where_it_stands() {
        assert_eq!(
            kinds("a\u{fffd}b\u{0}c\u{1b}[0m\u{9d}\u{ffff}\u{feff}"),
            [
                DamageKind::Replacement,
                DamageKind::Nul,
                DamageKind::Control,
                DamageKind::Control,
                DamageKind::NotACharacter,
                DamageKind::ByteOrderMark,
            ]
        );
        assert_eq!(kinds("a\tb\r\nc\u{c}"), []);
        assert_eq!(kinds("\\ud83d\\ude00 and \\u00e9 and \\udog"), [DamageKind::Surrogate; 2]);
        assert_eq!(damage("café\u{fffd}").next().unwrap().at, 5);
        for (good, n) in
            [("café", 1), ("25 °C", 1), ("don’t", 1), ("😀", 1), ("да", 1), ("你好啊", 2), ("Σ", 0)]
        {
            let found = kinds(&misread(good));
            assert_eq!(found, vec![DamageKind::WronglyDecoded; n], "{good}: {}", misread(good));
            assert_eq!(kinds(good), []);
        }
    }

    #[test]
    fn good_text_of_many_languages_is_not_damaged() {
        for good in [
            "NÃO, IRMÃO! Âmbar e maçã.",
            "« passé », «\u{a0}été\u{a0}», LIBERTÉ” – naïve…",
            "Það er gott. Ðað “já”.",
            "El Ñandú “Ñ” 12 °C, 3 €",
            "Größe: 5 µm ± 2 ‰, Straße",
            "C:\\users\\name \\usepackage \\u0041",
            "हिन्दी, 日本語, العربية, Привет, עברית, ไทย 🎉👨‍👩‍👧",
        ] {
            assert_eq!(kinds(good), [], "{good}");
        }
    }
}
