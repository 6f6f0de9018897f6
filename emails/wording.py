"""Words and habits that filters for junk mail dislike, in both languages. Plain rules; a few are forgiven, many stop a message.

After the lists that mail providers publish and SpamAssassin's rules on subjects (SUBJ_ALL_CAPS, PLING_PLING and their kin).
"""

import re

SUBJECT_MAX, SUBJECT_COMFORT = 100, 60
PRONE_MAX = 3  # so many different ones stop a message; one or two are a hint

ENGLISH = (
    "100% free", "act now", "as seen on", "best price", "buy now", "cash bonus", "click here", "congratulations you", "dear friend",
    "double your", "earn extra cash", "extra income", "free gift", "free money", "guaranteed", "limited time only", "lowest price",
    "make money", "miracle", "money back", "no catch", "no cost", "no obligation", "no strings attached", "once in a lifetime",
    "order now", "risk free", "risk-free", "special promotion", "this is not spam", "urgent", "winner", "you have been selected",
    "you won", "you are a winner",
)  # fmt: skip
CHINESE = (
    "点击这里", "立即购买", "免费领取", "免费赠送", "恭喜您中奖", "中奖", "发财", "赚钱", "稳赚", "零风险", "无风险", "保证盈利", "百分百",
    "100%有效", "最低价", "全网最低", "绝对", "仅此一次", "机会难得", "马上行动", "限时疯抢", "秒杀价", "代开发票", "贷款", "返现",
)  # fmt: skip
_ENGLISH = re.compile(r"\b(" + "|".join(re.escape(word) for word in ENGLISH) + r")\b", re.IGNORECASE)
_CHINESE = re.compile("|".join(re.escape(word) for word in sorted(CHINESE, key=len, reverse=True)))
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def prone(text: str) -> list[str]:
    """The prone words of a text, each once, as they stand in the lists."""
    found = [match.lower() for match in _ENGLISH.findall(text)] + _CHINESE.findall(text)
    return list(dict.fromkeys(found))


def shouts(subject: str) -> bool:
    """Whether a subject is written in capitals, or ends in a row of marks."""
    words = _LIQUID.sub("", subject)
    letters = [letter for letter in words if letter.isascii() and letter.isalpha()]
    is_loud = len(letters) >= 8 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters)
    return is_loud or bool(re.search(r"[!！]{2,}|[?？]{3,}|[$￥¥]{2,}", words))


def length(subject: str) -> int:
    """How long a subject is about to be: fields count as eight characters, Chinese ones as two each."""
    words = _LIQUID.sub("x" * 8, " ".join(subject.split()))
    return sum(2 if ord(letter) >= 0x2E80 else 1 for letter in words)
