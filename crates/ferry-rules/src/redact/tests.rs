//! What detectors find and what they leave, in tables and with properties.

use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Vec<(&str, &'static str)> {
    let detectors = Detectors::new(Kinds::ALL, &[]).unwrap();
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    detectors.scan(text, &mut scratch, &mut hits);
    hits.iter().map(|hit| (text.get(hit.start..hit.end).unwrap(), hit.kind.name())).collect()
}

/// The character that makes 17 digits an identity number.
fn with_id_check(head: &str) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        head.bytes().zip(weights).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    format!("{head}{}", char::from(b"10X98765432"[sum as usize % 11]))
}

/// The digit that makes a number pass Luhn's test.
fn with_luhn(head: &str) -> String {
    let double = |(index, byte): (usize, u8)| {
        let digit = u32::from(byte - b'0') * if index % 2 == 0 { 2 } else { 1 };
        digit / 10 + digit % 10
    };
    let sum: u32 = head.bytes().rev().enumerate().map(double).sum();
    format!("{head}{}", (10 - sum % 10) % 10)
}

#[test]
fn a_value_beside_a_full_width_mark_is_found_though_it_is_longer_than_what_is_read_again() {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----", line.repeat(20));
    let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.c2lnbmF0dXJlMTIz", "zdWIiOiIx".repeat(100));
    for head in ["", "密钥：", "，"] {
        assert_eq!(found(&format!("{head}{key}")), [(key.as_str(), "PRIVATE_KEY")], "{head}");
        assert_eq!(found(&format!("{head}{token} ")), [(token.as_str(), "API_KEY")], "{head}");
    }
}

#[test]
fn a_word_before_a_full_width_mark_is_found_whatever_else_the_text_has() {
    let words = Pattern::Words(vec!["会议纪要".into()]);
    let rules = [Rule { name: "words".into(), pattern: words }];
    let detectors = Detectors::new(Kinds::NONE, &rules).unwrap();
    for head in ["", "A１，"] {
        let text = format!("{head}{}会议纪要，", "。".repeat(100));
        let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
        detectors.scan(&text, &mut scratch, &mut hits);
        assert_eq!(hits.len(), 1, "{head}");
    }
}

#[test]
fn values_are_found_beside_anything_that_is_no_letter() {
    let table = [
        ("我的身份证11010519491231002X，谢谢", "11010519491231002X", "CN_ID"),
        ("id=110105-19491231 002X;", "110105-19491231 002X", "CN_ID"),
        ("旧身份证号：110105491231002", "110105491231002", "CN_ID"),
        ("公民身份号码110105491231002", "110105491231002", "CN_ID"),
        ("身份證號碼：110105194912310020", "110105194912310020", "CN_ID"),
        ("\"idCardNo\":\"110105194912310020\"", "110105194912310020", "CN_ID"),
        ("cert_no=110105194912310020", "110105194912310020", "CN_ID"),
        ("identity card no. 110105194912310020", "110105194912310020", "CN_ID"),
        ("card 4111 1111 1111 1111.", "4111 1111 1111 1111", "BANK_CARD"),
        ("4111111111111111", "4111111111111111", "BANK_CARD"),
        ("amex 3782-822463-10005!", "3782-822463-10005", "BANK_CARD"),
        ("手机13800138000。", "13800138000", "CN_PHONE"),
        ("tel:+86-138-0013-8000", "138-0013-8000", "CN_PHONE"),
        ("?m=%2B8613800138000&x", "13800138000", "CN_PHONE"),
        ("\\n13800138000\\n", "13800138000", "CN_PHONE"),
        ("13800138000 bytes? 13900139000", "13900139000", "CN_PHONE"),
        ("HKID A123456(3)", "A123456(3)", "HK_ID"),
        ("香港身份证Z683365（A）。", "Z683365（A）", "HK_ID"),
        ("台湾身分证 A123456789", "A123456789", "TW_ID"),
        ("居留證 AD10000017", "AD10000017", "TW_ID"),
        ("澳門身份證 1/234567/8 號", "1/234567/8", "MO_ID"),
        ("passport no. E12345678", "E12345678", "CN_PASSPORT"),
        ("E12345678（护照）", "E12345678", "CN_PASSPORT"),
        ("E12345678 这个是我的护照号", "E12345678", "CN_PASSPORT"),
        ("E12345678 is my passport number", "E12345678", "CN_PASSPORT"),
        ("澳門居民身份證 12345678", "12345678", "MO_ID"),
        ("回乡证 H1234567801", "H1234567801", "TRAVEL_PERMIT"),
        ("台胞证12345678", "12345678", "TRAVEL_PERMIT"),
        ("代码91350100M000100Y43", "91350100M000100Y43", "CN_USCC"),
        ("税号914403001922038216", "914403001922038216", "CN_USCC"),
        ("粤B·12345", "粤B·12345", "CN_PLATE"),
        ("粤B.12345", "粤B.12345", "CN_PLATE"),
        ("粤B‧D12345", "粤B‧D12345", "CN_PLATE"),
        ("沪AD12345是新能源", "沪AD12345", "CN_PLATE"),
        ("京A1234警", "京A1234警", "CN_PLATE"),
        ("邮箱li.si+a@mail.example.cn，", "li.si+a@mail.example.cn", "EMAIL"),
        ("<a@example.com>", "a@example.com", "EMAIL"),
        ("a@example.com:word/1", "a@example.com", "EMAIL"),
        ("a@example.com:/", "a@example.com", "EMAIL"),
        ("host 58.133.219.32:443", "58.133.219.32", "IP_ADDRESS"),
        ("server 58.133.219.32:80;", "58.133.219.32", "IP_ADDRESS"),
        ("driver: 58.133.219.32", "58.133.219.32", "IP_ADDRESS"),
        ("SERVER=58.133.219.32", "58.133.219.32", "IP_ADDRESS"),
        ("prebuild 58.133.219.32", "58.133.219.32", "IP_ADDRESS"),
        ("from 2001:db8::8a2e:370:7334 to", "2001:db8::8a2e:370:7334", "IP_ADDRESS"),
        ("[fe80::1]", "fe80::1", "IP_ADDRESS"),
        ("node:fe80::1", "fe80::1", "IP_ADDRESS"),
        ("IBAN GB82 WEST 1234 5698 7654 32.", "GB82 WEST 1234 5698 7654 32", "IBAN"),
        ("DE89370400440532013000", "DE89370400440532013000", "IBAN"),
        ("k=AKIAQYLPMN5HFIQR7XYA", "AKIAQYLPMN5HFIQR7XYA", "API_KEY"),
        (
            "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",
            "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",
            "API_KEY",
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27u",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27u",
            "API_KEY",
        ),
    ];
    for (text, value, kind) in table {
        assert_eq!(found(text), [(value, kind)], "{text}");
    }
}

#[test]
fn what_looks_like_a_value_and_is_none_is_left() {
    let table = [
        "版本 10.0.20695.3698 和 v1.2.3.4，mask 255.255.255.0，127.0.0.1，Chrome/120.0.0.0",
        "appVer=58.133.219.32 server version 58.133.219.32, VER 58.133.219.32, app_ver: 58.133.219.32，固件ver58 ver 58.133.219.32",
        "直播间ID16444766，用户ID48227208",
        "47933122-4066-4989-8932-677172a31659",
        "订单号 4111111111111111，order_no: 6222021234567890128",
        "11010519491231002X1 a11010519491231002X 1.13800138000 13800138000.5",
        "文件大小 13421772800 字节",
        "内存占用：13421772800，offset=13421772800，耗时 13421772800 纳秒 / 13421772800ns",
        "E12345678 的护照夹",
        "E12345678, passport",
        "react@18.2.0 logo@2x.png nginx@sha256:abcdef git@github.com:a/b.git https://u:pw@db.example.com/x",
        "clone deploy@code.example.com:team/app.git, scp a.log root@web.example.com:/var/log/ me@web.example.com:~/",
        "orders 513221201902307682, 522301200502118351 and 416351402766354461",
        "運單 4111111111111111，訂單編號：4111111111111111，运单编号 4111111111111111，waybill 4111111111111111",
        "sk-ant-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AKIAIOSFODNN7EXAMPLE ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "5832 3475 7147 1441 4111 1111 1111 1111 1441",
        "std::ad::be a::b 10:11:12 aa:bb:cc:dd:ee:ff",
        "沪A板块 京A股 苏C型12345678 北京A12345",
        "part E12345678, MPN H12345678",
        "他的护照早已过期。零件号 E12345678 到货，passport part no. E12345678",
        "澳门店商品编号 12345678",
        "PII_CN_ID_11010519491231002X PII_CN_PHONE_13800138000 PII_EMAIL_abc@example.com",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    ];
    for text in table {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn a_word_speaks_of_a_list_and_of_its_column() {
    let table = [
        ("澳門身份證 1234567(8) 及 7654321（0）", 2),
        ("护照 E12345678、G12345678 和 EA1234567", 3),
        ("姓名,护照号,国籍\n张三,E12345678,中国\n李四,G12345678,中国\n王五,EA1234567,中国", 3),
        ("电话,护照号\n075512345678,E12345678\n075512345679,G12345678\n", 2),
        ("|旅客|passport|\n|---|:--:|\n| A | E12345678 |\n| B | G12345678 |\n", 2),
        ("\"name\";\"permit\"\n\"A\";\"H12345678\"\n\"B\";\"M1234567801\"\n", 2),
        ("护照名单：\n1. 张三 E12345678\n2. 李四 G12345678\n10. Wang Fang EA1234567", 3),
        // Another column, a pair of name and value in a row, and a line between.
        ("姓名,护照号,物料\n张三,E12345678,G12345678\n李四,无,E12345678", 2),
        ("护照号,E12345678\n报错码,G12345678", 1),
        ("护照号\n\n张三,E12345678\n另起一行\n李四,G12345678", 1),
    ];
    for (text, count) in table {
        assert_eq!(found(text).len(), count, "{text}: {:?}", found(text));
    }
}

#[test]
fn a_private_key_is_found_whole_cut_and_in_one_line() {
    let body = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
    for (name, line) in
        [("PRIVATE KEY", "\n"), ("RSA PRIVATE KEY", "\\n"), ("OPENSSH PRIVATE KEY", " ")]
    {
        let key = format!("-----BEGIN {name}-----{line}{body}{line}-----END {name}-----");
        assert_eq!(found(&format!("a {key} b")), [(key.as_str(), "PRIVATE_KEY")]);
        let cut = format!("-----BEGIN {name}-----{line}{body}");
        assert_eq!(found(&format!("a {cut}")), [(cut.as_str(), "PRIVATE_KEY")]);
    }
}

#[test]
fn a_refused_rule_says_why() {
    let expression = |text: &str| Pattern::Expression(text.to_owned());
    let words =
        |list: &[&str]| Pattern::Words(list.iter().map(|word| (*word).to_owned()).collect());
    let table = [
        (expression("a("), "broken"),
        (expression("a*"), "empty"),
        (expression("\\b"), "empty"),
        (expression("(?=a)"), "broken"),
        (expression("\\w{1,200}"), "slow"),
        (expression(&"a".repeat(2000)), "more than 1024 bytes"),
        (words(&[]), "no words"),
        (words(&["a", ""]), "empty"),
    ];
    for (pattern, why) in table {
        let rule = Rule { name: "staff".to_owned(), pattern };
        let error = Detectors::new(Kinds::NONE, &[rule]).unwrap_err().to_string();
        assert!(error.starts_with("compile the rule \"staff\"") && error.contains(why), "{error}");
    }
}

#[test]
fn an_operators_rules_find_by_their_place() {
    let rules = [
        Rule { name: "staff".to_owned(), pattern: Pattern::Expression("EMP-[0-9]{6}".to_owned()) },
        Rule {
            name: "names".to_owned(),
            pattern: Pattern::Words(vec!["北极星".to_owned(), "Orion".to_owned()]),
        },
    ];
    let detectors = Detectors::new(Kinds::NONE, &rules).unwrap();
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let text = "EMP-123456 在ORION项目，北极星, Orions, ＥＭＰ-１２３４５６";
    detectors.scan(text, &mut scratch, &mut hits);
    let found: Vec<_> =
        hits.iter().map(|hit| (text.get(hit.start..hit.end).unwrap(), hit.kind)).collect();
    let (staff, names) = (Kind::Custom(0), Kind::Custom(1));
    assert_eq!(
        found,
        [
            ("EMP-123456", staff),
            ("ORION", names),
            ("北极星", names),
            ("ＥＭＰ-１２３４５６", staff)
        ]
    );
}

#[test]
fn all_spellings_of_a_value_have_one_form() {
    let spellings = [
        "13800138000",
        "138 0013 8000",
        "１３８００１３８０００",
        "138\u{200b}00138000",
        "\\u00313800138000",
        "+86 138-0013-8000",
    ];
    for spelling in spellings {
        assert_eq!(normalise(Kind::CnPhone, spelling), "13800138000");
    }
    assert_eq!(normalise(Kind::CnId, "110105-19491231 002x"), "11010519491231002X");
    assert_eq!(normalise(Kind::CnPlate, "粤B·12345"), "粤B12345");
    assert_eq!(normalise(Kind::HkId, "A123456（3）"), "A1234563");
}

/// A value of every kind that has detectors of its own, in a text that says what it is.
fn one_of_each() -> Vec<(&'static str, String, &'static str)> {
    let body = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
    let token = "ghp_1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT1uV2wX";
    [
        ("", "11010519491231002X", "CN_ID"),
        ("", "110105 19491231 002X", "CN_ID"),
        ("", "4111111111111111", "BANK_CARD"),
        ("", "4111-1111-1111-1111", "BANK_CARD"),
        ("", "13800138000", "CN_PHONE"),
        ("", "138 0013 8000", "CN_PHONE"),
        ("", "A123456(3)", "HK_ID"),
        ("", "A123456789", "TW_ID"),
        ("澳門", "1/234567/8", "MO_ID"),
        ("护照", "E12345678", "CN_PASSPORT"),
        ("回乡证", "H1234567801", "TRAVEL_PERMIT"),
        ("", "91350100M000100Y43", "CN_USCC"),
        ("", "粤B12345", "CN_PLATE"),
        ("", "zhang@corp-x.cn", "EMAIL"),
        ("", "58.133.219.32", "IP_ADDRESS"),
        ("", "2001:db8::8a2e:370:7334", "IP_ADDRESS"),
        ("", "fe80::1", "IP_ADDRESS"),
        ("", "2001:db8::1", "IP_ADDRESS"),
        ("", "2001:db8:7::", "IP_ADDRESS"),
        ("", "DE89370400440532013000", "IBAN"),
        ("", "NO9386011117947", "IBAN"),
        ("", "GB82 WEST 1234 5698 7654 32", "IBAN"),
        ("", token, "API_KEY"),
        ("", "AKIAQYLPMN5HFIQR7XYA", "API_KEY"),
        ("", "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", "API_KEY"),
        ("", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27u", "API_KEY"),
        ("", &key, "PRIVATE_KEY"),
    ]
    .map(|(label, value, kind)| (label, value.to_owned(), kind))
    .to_vec()
}

/// Finds every value between every head and tail.
fn assert_each_between(around: &[(&str, &str)]) {
    let mut lost = Vec::new();
    for (label, value, kind) in one_of_each() {
        for (head, tail) in around {
            // A label speaks of no other sentence.
            if !label.is_empty() && ["。", "！", "？"].contains(head) {
                continue;
            }
            let text = format!("{label}{head}{value}{tail}");
            if found(&text) != [(value.as_str(), kind)] {
                lost.push(format!("{text:?}: {:?}", found(&text)));
            }
        }
    }
    assert!(lost.is_empty(), "{} lost\n{}", lost.len(), lost.join("\n"));
}

#[test]
fn a_value_is_found_wherever_it_stands_in_a_block() {
    // Nothing but the value has a sign, so that each block has to be known by what of the value stands in it.
    for (label, value, kind) in one_of_each() {
        for filler in [" ", "，"] {
            for before in 0..2 * 128 {
                let head = filler.repeat(before);
                let text = format!("{head}{label} {value} {head}");
                assert_eq!(found(&text), [(value.as_str(), kind)], "{value} at {before}");
            }
        }
    }
}

#[test]
fn a_value_in_the_colours_of_a_terminal_is_found() {
    let mut around = Vec::new();
    let escapes = [
        "\u{1b}[",
        "\\x1b[",
        "\\x1B[",
        "\\033[",
        "\\e[",
        "\\u001b[",
        "\\\\u001B[",
        "^[[",
        "\u{9b}",
    ];
    let sequences: Vec<_> = escapes
        .iter()
        .map(|escape| {
            let spell = |text: &str| text.replace('^', escape);
            [
                ("^31m", "^0m"),
                ("^01;31m^K", "^m^K"),
                ("^38;5;196m", "^0m"),
                ("^m", "^K"),
                ("^2C", "^2D"),
            ]
            .map(|(head, tail)| (spell(head), spell(tail)))
        })
        .collect();
    for (head, tail) in sequences.iter().flatten() {
        around.extend([(head.as_str(), tail.as_str()), (head.as_str(), ""), ("", tail.as_str())]);
        around.push((tail.as_str(), head.as_str()));
    }
    around.push(("[31m", "[0m"));
    assert_each_between(&around);
}

#[test]
fn a_value_behind_a_literal_escape_is_found() {
    let heads = [
        "\\n", "\\t", "\\r", "\\r\\n", "\\b", "\\f", "\\\\n", "\\\\t", "\\x0a", "\\x0A", "\\x20",
        "\\012", "%0A", "%0a", "%20", "%3D", "\\u000a", "\\u0020", ":\\n", "=%0D%0A", "\\n\\n",
    ];
    let around: Vec<_> = heads.into_iter().flat_map(|head| [(head, ""), (head, head)]).collect();
    assert_each_between(&around);
}

#[test]
fn a_value_beside_full_width_punctuation_is_found() {
    let marks = [
        "，", "；", "：", "！", "？", "（", "）", "、", "「", "」", "。", "\u{3000}", "《", "》",
        "“", "”", "…", "【", "】",
    ];
    let mut around = Vec::new();
    for mark in marks {
        around.extend([(mark, ""), ("", mark), (mark, mark)]);
    }
    assert_each_between(&around);
}

#[test]
fn a_whole_key_beside_dots_is_no_sample() {
    let ant = format!("sk-ant-api03-{}AA", "aB3dE-fG7_h".repeat(9).split_at(93).0);
    let keys = [ant.as_str(), "ghp_1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT1uV2wX", "AKIAQYLPMN5HFIQR7XYA"];
    for key in keys {
        for mark in ["...", "…", "***", "....", "*", "."] {
            for text in
                [format!("{key}{mark}"), format!("{mark}{key}"), format!("{mark}{key}{mark}")]
            {
                assert_eq!(found(&text), [(key, "API_KEY")], "{text}");
            }
        }
        for head in ["-", "--", "—", "－", "\\n- ", "\\n-"] {
            assert_eq!(found(&format!("{head}{key}")), [(key, "API_KEY")], "{head}");
        }
    }
    let samples = [
        "sk-ant-api03-***",
        "sk-ant-api03-...",
        "sk-ant-api03-aB3dEfG7hJ9kL2mN4pQ6rS8t...",
        "sk-proj-aB3dEfG7hJ9kL2mN4pQ6rS8t…",
        "sk-aB3dEfG7hJ9kL2mN4pQ6r***",
        "ghp_xxxx...",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...",
        "ghp_1aB2cD3e...",
    ];
    for text in samples {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn nothing_of_two_addresses_that_touch_stays_readable() {
    let (one, two, three) = ("a.li@corp-x.cn", "b.wu@corp-x.cn", "c.xu@corp-y.cn");
    for glue in
        ["-", "—", "－", "+", "%", ".", "_", "--", "%20", "\\n", ",", ";", "/", "、", "\u{200b}"]
    {
        for text in [format!("{one}{glue}{two}"), format!("{one}{glue}{two}{glue}{three}")] {
            let hidden: usize = found(&text).iter().map(|(value, _)| value.len()).sum();
            let glues = (text.len() - one.len()) / (one.len() + glue.len());
            assert!(hidden + glues * glue.len() >= text.len(), "{text}: {:?}", found(&text));
        }
    }
}

#[test]
fn a_value_is_read_over_what_nobody_sees() {
    let ranges = [
        '\u{ad}'..='\u{ad}',
        '\u{34f}'..='\u{34f}',
        '\u{61c}'..='\u{61c}',
        '\u{115f}'..='\u{1160}',
        '\u{17b4}'..='\u{17b5}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2060}'..='\u{2064}',
        '\u{3164}'..='\u{3164}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0000}'..='\u{e007f}',
    ];
    let values = [
        ("13800138000", "CN_PHONE"),
        ("11010519491231002X", "CN_ID"),
        ("zhang@corp-x.cn", "EMAIL"),
        ("AKIAQYLPMN5HFIQR7XYA", "API_KEY"),
        ("58.133.219.32", "IP_ADDRESS"),
    ];
    for unseen in ranges.into_iter().flatten() {
        let mut pair = [0; 2];
        let units = unseen.encode_utf16(&mut pair).iter();
        let escape = units.map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
        let twice = escape.to_uppercase().replace("\\U", "\\\\u");
        for spelled in [unseen.to_string(), escape, twice] {
            for (value, kind) in values {
                let mut letters = value.chars().map(String::from).collect::<Vec<_>>();
                let all = letters.join(&spelled);
                letters.insert(5, spelled.clone());
                for written in [all, letters.concat()] {
                    assert_eq!(found(&format!("a {written}，")), [(written.as_str(), kind)]);
                    let text = format!("{spelled}{written}{spelled}");
                    assert_eq!(
                        found(&text),
                        [(written.as_str(), kind)],
                        "{}",
                        text.escape_unicode()
                    );
                }
            }
        }
    }
}

#[test]
fn a_value_may_have_any_hyphen() {
    for hyphen in ['-', '\u{2010}', '\u{2011}', '–', '—', '\u{2015}', '\u{2212}', 'ー', '－']
    {
        let table = [
            ("138-0013-8000", "CN_PHONE"),
            ("4111-1111-1111-1111", "BANK_CARD"),
            ("110105-19491231-002X", "CN_ID"),
            ("GB82-WEST-1234-5698-7654-32", "IBAN"),
        ];
        for (value, kind) in table {
            let written = value.replace('-', &hyphen.to_string());
            assert_eq!(found(&format!("号{written}。")), [(written.as_str(), kind)]);
        }
    }
}

#[test]
fn a_card_that_a_tool_gives_as_a_number_is_found() {
    let table = [
        "4111111111111111.0",
        "4111111111111111.00",
        "4.111111111111111e15",
        "4.111111111111111E+15",
        "41111111111111110e-1",
        "4111111111111111e0",
        "378282246310005.0",
        "37828224631000.5e1",
    ];
    for text in table {
        assert_eq!(found(text), [(text, "BANK_CARD")], "{text}");
        assert_eq!(found(&format!(" {text}\n")), [(text, "BANK_CARD")], "{text}");
    }
    let others = [
        "4111111111111112.0",
        "4111111111111111.5",
        "4.111111111111111e14",
        "4.111111111111111e99999999999",
        "4.111111111111111e-2147483648",
        "4111111111111111.0.0",
        "4111111111111111.0 EUR",
        ".e15",
        "e",
        "",
        "1732600000.123",
    ];
    for text in others {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn an_amount_of_money_is_no_phone_and_an_object_identifier_no_address() {
    let table = [
        "价格 13815926142 元",
        "金额：13815926142元。",
        "合同金额为13815926142美元",
        "amount: 13815926142 USD",
        "\"total_amount\": 13815926142 CNY",
        "总价 ... 13815926142 元",
        "1.3.101.110 (OID), oid=1.3.101.112, OID 1.3.132.34",
        "Object Identifier: 1.3.101.110",
        "1.3.6.1.4.1.311.21.20 和 2.16.840.1.101.3",
    ];
    for text in table {
        assert_eq!(found(text), [], "{text}");
    }
    let others = [
        ("手机 13815926142 元旦见", "13815926142"),
        ("价格面议，电话 13815926142 元旦见", "13815926142"),
        ("价格 13815926142", "13815926142"),
        ("avoid 58.133.219.32", "58.133.219.32"),
        ("android 58.133.219.32", "58.133.219.32"),
    ];
    for (text, value) in others {
        assert_eq!(found(text).first().map(|hit| hit.0), Some(value), "{text}");
    }
}

/// A valid value of a kind, in plain letters.
fn value() -> impl Strategy<Value = (String, Kind)> {
    prop_oneof![
        ("(11|32|44|65|83)[0-9]{4}19[5-9][0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}")
            .prop_map(|head| (with_id_check(&head), Kind::CnId)),
        "62[0-9]{13,16}|4[0-9]{14}|5[1-5][0-9]{13}|3[47][0-9]{12}"
            .prop_map(|head| (with_luhn(&head), Kind::BankCard)),
        "1[3-9][0-9]{9}".prop_map(|number| (number, Kind::CnPhone)),
        "[a-z]{2,8}[._][a-z0-9]{1,8}@[a-z]{2,8}\\.(com|example\\.cn|org)"
            .prop_map(|mail| (mail, Kind::Email)),
        "(5[0-9]|10|192)\\.1[0-9]{2}\\.[1-9][0-9]\\.[1-9][0-9]"
            .prop_map(|address| (address, Kind::IpAddress)),
        "AKIA[2-7]{4}[A-D]{4}[E-H]{4}[J-N]{4}".prop_map(|key| (key, Kind::ApiKey)),
        "[粤京沪][A-F][1-9]{5}".prop_map(|plate| (plate, Kind::CnPlate)),
    ]
}

/// A way to write the letters of a value otherwise.
fn respell(value: &str, way: u8) -> String {
    let each = |spell: &dyn Fn(char) -> String| value.chars().map(spell).collect::<String>();
    match way {
        1 => each(&|c| match c {
            '!'..='~' => char::from_u32(u32::from(c) - 0x20 + 0xff00).unwrap().to_string(),
            _ => c.to_string(),
        }),
        2 => each(&|c| format!("{c}\u{200b}")).trim_end_matches('\u{200b}').to_owned(),
        3 => each(&|c| format!("\\u{:04x}", u32::from(c))),
        4 => each(&|c| format!("\\\\u{:04X}", u32::from(c))),
        5 => each(&|c| if c == '1' { "\\u0031".to_owned() } else { c.to_string() }),
        6 => each(&|c| if c == '2' { "２".to_owned() } else { c.to_string() }),
        _ => value.to_owned(),
    }
}

const AROUND: [&str; 16] =
    ["", " ", "，", "。\n", "\"", "号：", "是", "(", ")", "\t", "|", "<b>", ",", "\\n", "；", "、"];

proptest! {
    #[test]
    fn a_value_is_found_in_every_spelling((value, kind) in value(), way in 0..7_u8, head in 0..AROUND.len(), tail in 0..AROUND.len(), filler in "[一-十]{0,90}") {
        let written = respell(&value, way);
        let text = format!("{filler}{}{written}{}{filler}", AROUND[head], AROUND[tail]);
        prop_assert_eq!(found(&text), [(written.as_str(), kind.name())], "{}", text);
        let (one, other) = (normalise(kind, &written), normalise(kind, &value));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn hits_are_sorted_apart_and_on_borders_of_characters(text in ".*|([0-9０-９ a-fA@.:\\\\u\u{200b}京-]|1380013|\\\\u0031|护照|sk-ant-|-----BEGIN PRIVATE KEY-----|@a\\.com){0,60}") {
        let detectors = Detectors::new(Kinds::ALL, &[]).unwrap();
        let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
        detectors.scan(&text, &mut scratch, &mut hits);
        let mut last = 0;
        for hit in &hits {
            prop_assert!(last <= hit.start && hit.start < hit.end && hit.end <= text.len());
            prop_assert!(text.is_char_boundary(hit.start) && text.is_char_boundary(hit.end));
            last = hit.end;
        }
        let first = hits.clone();
        detectors.scan(&text, &mut scratch, &mut hits);
        prop_assert_eq!(first, hits);
    }
}
