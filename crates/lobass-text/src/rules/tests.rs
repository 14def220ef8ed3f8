//! Tests of each rule: the rows it finds, and those it ignores.

use proptest::prelude::*;

use super::*;

/// The rules that fire, truncated too.
fn fired(prompt: &str, response: &str) -> Vec<&'static str> {
    Rules::all().check(prompt, response).into_iter().map(|finding| finding.rule.name()).collect()
}

/// The finding of one rule; checks that no other fires.
#[track_caller]
fn detail(rule: &str, prompt: &str, response: &str) -> String {
    let found = Rules::all().check(prompt, response);
    assert_eq!(found.iter().map(|finding| finding.rule.name()).collect::<Vec<_>>(), [rule], "{response}");
    found[0].detail.clone()
}

#[track_caller]
fn nothing(prompt: &str, response: &str) {
    let found = Rules::all().check(prompt, response);
    assert!(found.is_empty(), "{prompt}: {response}: {found:?}");
}

/// As many different words, as of a language that has no sentences.
fn words(n: usize) -> String {
    (0..n).map(|at| format!("word{at} ")).collect()
}

#[test]
fn repeated_lines() {
    let list = "Name some animals.";
    let text = "a red fox\na gray wolf\na red fox\na red fox\na red fox\na hen\n";
    assert_eq!(
        detail("repeated-lines", list, text),
        "50 % of 6 lines repeat earlier ones, at most 30 % allowed; `a red fox` occurs 4 times"
    );
    let long = format!("{}\n", words(20)).repeat(4)
        + &"one more\ntwo more\nsix more\nten more\nend more\nmore more\n".repeat(2)[..18];
    assert!(Rules::all().check(list, &long).iter().any(|finding| finding.rule == Rule::RepeatedLines));
    nothing("Write a song.", text);
    nothing(list, "a red fox\na red fox\na hen\n");
    nothing("Write a table in HTML.", &"<td>Row 1</td>\n".repeat(20));
    nothing(list, "---\n}\n---\n}\n---\n}\n---\n}\n");
}

#[test]
fn repeated_phrases() {
    let text = format!("{} {}.", words(40), "over and ".repeat(30));
    assert_eq!(
        detail("repeated-phrase", "Go on.", &text),
        "the 2 words `over and`, 30 times, make up 48 % of the response, at most 40 % allowed"
    );
    // Twice as much is allowed at 100 words, and the prompt's own subject as often as one likes.
    nothing("Go on.", &format!("{} {}.", words(80), "over and ".repeat(10)));
    nothing("What is over, and what is not?", &text);
    nothing("Go on.", "no no no, no no");
    let chinese = format!("{}{}", "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏", "你好世界".repeat(20));
    assert!(fired("请继续写下去。", &chinese).contains(&"repeated-phrase"));
}

#[test]
fn repeated_passages() {
    let passage = "the quick brown fox jumps over the lazy dog near the river";
    let text = (0..5)
        .map(|at| format!("{passage} {}. ", words(4 + at).replace("word", &format!("w{at}x"))))
        .collect::<String>();
    let found = detail("repeated-passages", "Go on.", &text);
    assert!(
        found.starts_with("repeated runs of 8 words, such as `the quick brown fox jumps over the lazy"),
        "{found}"
    );
    // Once more is not yet a habit, and frames of lists are shorter.
    nothing("Go on.", &format!("{passage}. {passage}. {}.", words(50)));
    let list = (0..20).map(|at| format!("x{at} is one of the languages of y{at}, z{at}, and a{at}. "));
    assert!(!fired("Go on.", &list.collect::<String>()).contains(&"repeated-passages"));
}

#[test]
fn refusals() {
    let ask = "Tell me how tall this tower is.";
    assert_eq!(
        detail("refusal", ask, "I’m sorry, but I can’t help with that."),
        "the response begins with `I’m sorry, but I can’t`"
    );
    assert_eq!(
        detail("refusal", ask, "Thank you for asking. Unfortunately, I cannot say."),
        "a sentence of the first 12 words begins with `Unfortunately, I cannot`"
    );
    for refusal in [
        "Lo siento, pero no puedo ayudarte con eso.",
        "Je suis désolé, mais je ne peux pas répondre.",
        "Es tut mir leid, aber ich kann das nicht.",
        "抱歉，我无法回答这个问题。",
        "К сожалению, я не могу ответить.",
        "No output because this cannot be done.",
    ] {
        assert!(fired(ask, refusal).contains(&"refusal"), "{refusal}");
    }
    nothing(
        ask,
        "It is 300 m tall, and its plans were burnt a long time ago. I'm sorry, but I can't say more.",
    );
    nothing(ask, "\"I'm sorry, but I can't help\", said the tower.");
    nothing(ask, "I can't believe how tall it is: 300 m!");
    nothing("Politely decline an invitation.", "I'm sorry, but I can't come.");
}

#[test]
fn self_references() {
    let ask = "Which color is best?";
    assert_eq!(
        detail("self-reference", ask, "Well, as an AI language model, nothing is best to me."),
        "a clause begins with `as an AI language model`, and the prompt does not mention an AI"
    );
    assert!(fired(ask, "作为一个人工智能，我没有偏好。").contains(&"self-reference"));
    nothing("Are you trained by someone?", "I am a language model trained by people.");
    nothing("Write a speech of a chatbot.", "As an AI language model, I greet you.");
    nothing(ask, "He works as an AI engineer and likes red.");
}

#[test]
fn missing_inputs() {
    let ask = "Count the words of the article.";
    assert_eq!(
        detail("missing-input", ask, "Please provide the article."),
        "a sentence of a response of 4 words begins with `Please provide the article`"
    );
    assert!(fired(ask, "I'm sorry, the input is missing.").contains(&"missing-input"));
    nothing("Rewrite: Send it.", "Please provide the document.");
    nothing(ask, &format!("Please provide the article. {}.", words(60)));
}

#[test]
fn empty_answers() {
    for text in ["<nooutput>", "N/A", "<No Output>", "[blank]", " nan. ", "\u{200b}\u{200b}", " "] {
        assert!(fired("Draw a tree.", text).contains(&"empty-answer"), "{text}");
    }
    nothing("Which value is no number in JavaScript, null or NaN?", "NaN");
    nothing("How many?", "0");
    nothing("Are they the same?", "No");
    nothing("What comes next?", "?");
    nothing("Not full but?", "Empty.");
}

#[test]
fn placeholders() {
    let ask = "Write to my landlord.";
    assert_eq!(
        detail("placeholder", ask, "Dear [Landlord's Name],\nit leaks.\nYours, [Your Name]"),
        "`[Landlord's Name]` and 1 more were not filled in"
    );
    assert!(fired(ask, "Lorem ipsum dolor sit amet.").contains(&"placeholder"));
    assert!(fired("Sort numbers.", "def sort(n):\n    # TODO sort\n    pass").contains(&"placeholder"));
    nothing("Write a template of a letter.", "Dear [Your Name]");
    nothing("Write to [landlord].", "Dear [Your Name]");
    nothing("Write code.", "print(people[name], rows[i][date])");
    nothing("Write code.", "Read [my website](https://example.com) and the <title>.");
    let mut rules: Rules = "placeholder=2".parse().unwrap();
    assert!(rules.check(ask, "[Your Name], [Date]").is_empty());
    rules.set_threshold(Rule::Placeholder, 1.0).unwrap();
    assert_eq!(rules.check(ask, "[Your Name], [Date]").len(), 1);
}

#[test]
fn template_markers() {
    assert_eq!(
        detail("template-marker", "Say hello.", "Hello!\n### Instruction:\nSay bye."),
        "`### Instruction` of a prompt template is at byte 7 of the response"
    );
    assert_eq!(
        detail("template-marker", "Say hello.", "Hello!\n##\n8. Instruction: Say bye.\n8. Output:\nBye!"),
        "another instruction follows the response: `8. Instruction: Say bye. 8. Output: Bye!`"
    );
    nothing("Say hello.", "Hello. Instruction: none");
    assert!(fired("Say hello.", "Hello!<|im_end|>").contains(&"template-marker"));
    nothing("What does <|im_end|> mean?", "<|im_end|> ends a turn.");
}

#[test]
fn languages() {
    let english = "Please describe the house that your grandparents have been living in.";
    let german = "Das Haus meiner Großeltern steht am Rande eines kleinen Dorfes, und hinter dem Garten beginnt schon der Wald, in dem wir als Kinder gespielt haben.";
    let found = detail("language", english, german);
    assert!(found.starts_with("the prompt is in English, the response in German: `Das Haus"), "{found}");
    let found = detail("language", english, "Дом моих бабушки и дедушки стоит на краю деревни.");
    assert!(found.starts_with("the prompt is in Latin script, the response in Cyrillic"), "{found}");
    nothing("Describe the house in German, please, as your grandparents would.", german);
    nothing("Beschreibe bitte das Haus, in dem deine Großeltern so lange gewohnt haben.", german);
    nothing("Beschreibe das Haus: дом на краю деревни", "Дом моих бабушки и дедушки стоит на краю деревни.");
    nothing(
        "日本の家について書いてください。",
        "私の家は小さいですが、とても明るくて、庭には大きな木があります。",
    );
    nothing(english, "It had red bricks.");
}

#[test]
fn broken_characters() {
    let ask = "Say something.";
    assert_eq!(
        detail("broken-characters", ask, "It costs 5\u{fffd} and caf\u{fffd}"),
        "a replacement character after `5`, and 1 more such places"
    );
    assert_eq!(detail("broken-characters", ask, "CafÃ© au lait"), "wrongly decoded text after `Caf`");
    assert!(fired(ask, "Donâ€™t").contains(&"broken-characters"));
    assert_eq!(detail("broken-characters", ask, "\u{0}a"), "a NUL character at the beginning");
    assert_eq!(detail("broken-characters", ask, "Salt &amp; pepper"), "the HTML entity `&amp;` after `Salt`");
    nothing("Write HTML.", "<b>Salt &amp; pepper</b>");
    nothing(ask, "Tabs\tand\r\nlines, naïve café, São Paulo, IRMÃO, 5 €, â, 😀");
}

#[test]
fn symbol_heavy_responses() {
    let found = detail("symbols", "Say something.", "!!! ??? ;;; :::: ,,,, !!! ??? a b");
    assert!(
        found.starts_with("letters and digits make up 8 % of 25 characters, at least 40 % expected"),
        "{found}"
    );
    nothing("Answer in emojis.", &"😀".repeat(30));
    nothing("Say something.", "!!! ???");
    nothing("Say something.", "Jan | ------- | ------- |\nFeb | ------ | ------ |");
}

#[test]
fn echoes() {
    let ask = "Describe a game in which one has to guess.";
    assert_eq!(
        detail("echo", ask, "Describe a game in which one has to guess a number"),
        "the response begins with all 9 words of the prompt: `Describe a game in which one has to guess.`"
    );
    assert_eq!(
        detail("echo", "Rephrase the sentence.\nThe cat sat on the red mat.", "The cat sat on the red mat."),
        "the response is the prompt's input unchanged: `The cat sat on the red mat.`"
    );
    nothing("Correct the sentence.\nThe cat sat on the red mat.", "The cat sat on the red mat.");
    nothing("Repeat after me: one two three four.", "Repeat after me: one two three four.");
    nothing("Say hello.", "Say hello.");
    nothing("Divide 887 by 3 using Python code.", "# Divide 887 by 3 using Python code.\n887 / 3");
}

#[test]
fn web_boilerplate() {
    assert!(
        detail("web-boilerplate", "Who won?", "We did. This site uses cookies.")
            .contains("`This site uses cookies`")
    );
    nothing("Write a cookie policy.", "This site uses cookies.");
}

#[test]
fn truncated_responses() {
    let text = format!("{}. And then he went to the very end of the", words(30));
    assert!(detail("truncated", "Tell a story.", &text).ends_with("very end of the`"));
    assert!(Rules::default().check("Tell a story.", &text).is_empty(), "it is off by default");
    nothing("Tell a story.", &format!("{text} road."));
    nothing("Write a poem.", &text);
}

#[test]
fn earlier_turns_count_as_asking() {
    let rules = Rules::all();
    let mut conversation = rules.conversation();
    conversation.hear("You are a chatbot that speaks of itself.");
    conversation.hear("Which color is best?");
    assert!(conversation.answer("As an AI language model, I like all.").is_empty());
    assert_eq!(rules.conversation().answer("As an AI language model, I like all.").len(), 1);
}

proptest! {
    #[test]
    fn no_text_is_too_odd(prompt in "\\PC{0,60}", response in any::<String>(), again in 0..40_usize) {
        let rules = Rules::all();
        for response in [response.clone(), response.repeat(again), format!("{prompt}{response}")] {
            for finding in rules.check(&prompt, &response) {
                prop_assert!(!finding.detail.is_empty() && !finding.detail.contains('\n'), "{finding:?}");
            }
        }
    }

    #[test]
    fn a_rule_that_is_off_is_silent(text in "(As an AI|I cannot help|\\[Your Name\\]|TODO|&amp;| |\\.|\n|x){0,20}", off in 0..Rule::ALL.len()) {
        let mut rules = Rules::all();
        let all = rules.check("Say it.", &text);
        rules.set(Rule::ALL[off], false);
        let rest: Vec<_> = all.into_iter().filter(|finding| finding.rule != Rule::ALL[off]).collect();
        prop_assert_eq!(rules.check("Say it.", &text), rest);
    }
}

/// Texts on which something that looks back would take hours.
#[test]
fn a_megabyte_of_anything_takes_a_moment() {
    let rules = Rules::all();
    for unit in [
        "a",
        " ",
        "[",
        "[your ",
        "&",
        "\u{300}",
        "'",
        "I ",
        "a\n",
        "😀",
        "字",
        "مرحبا ",
        "<|",
        "\u{0}",
        "no. ",
        "a b c d e f g h i j k\n",
        "Ã",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let started = std::time::Instant::now();
        rules.check(&text, &text);
        assert!(started.elapsed().as_secs() < 20, "{unit:?} took {:?}", started.elapsed());
    }
}
