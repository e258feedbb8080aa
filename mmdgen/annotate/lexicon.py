"""What morphs and materials are called in the wild.

Names only suggest: the same name closes the left eye in one model and the right eye in the next, so the
geometry has the last word on side and shape. The tables hold raw names as found in models, in public name
maps and in the second article's tables; `normalize` folds their spellings together.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from mmdgen.annotate.schema import Feature, Side
from mmdgen.model import MorphTable


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Most usual name first: where a model has several, the earlier one is preferred.
FEATURE_NAMES: dict[Feature, tuple[str, ...]] = {
    Feature.EYEBROW_TROUBLED: _words(
        """
        困る 困り 困り眉 困った 眉_困る こまる 悲しい 悲しむ sadness sad trouble troubled worried
        brow_sad brow_sad_geo Fcl_BRW_Sorrow Brow_Sorrow 困扰
        """
    ),
    Feature.EYEBROW_ANGRY: _words(
        """
        怒り 怒る 怒り眉 怒った おこ 眉_怒る いかり anger angry mad brow_angry brow_angry_geo
        Fcl_BRW_Angry browDown 生气 愤怒
        """
    ),
    Feature.EYEBROW_LOWERED: _words("下 眉下 眉_下 眉下げ 下げ godown down brow_down lower"),
    Feature.EYEBROW_RAISED: _words(
        """
        上 眉上 眉_上 眉上げ 上げ goup up brow_up raise browOuterUp Fcl_BRW_Surprised
        """
    ),
    Feature.EYEBROW_HAPPY: _words(
        """
        にこり にこ にこっ にこ眉 眉_微笑 喜び cheerful Fcl_BRW_Joy Fcl_BRW_Fun brow_happy
        brow_smile
        """
    ),
    Feature.EYEBROW_SERIOUS: _words("真面目 まじめ 真面目眉 真剣 serious brow_serious 认真"),
    Feature.EYE_WINK: _words(
        """
        まばたき まばたき１ 瞬き まばたき連動 とじ目 とじ目(総 目_閉じ 目閉じ 眼閉じ 目を閉じる まば
        blink vrc.blink A_Blink eyeBlink Fcl_EYE_Close eye_close eye_close_geo eyeClosed EyesClosed
        close CloseA 眨眼 闭眼 閉眼 mabataki 垂れ目まばたき
        """
    ),
    Feature.EYE_HAPPY_WINK: _words(
        """
        笑い 笑い２ 笑い連動 目_微笑 にこ目 笑眼 warai WaraiA Fcl_EYE_Joy smile joy happy 垂れ笑顔
        微笑
        """
    ),
    Feature.EYE_SURPRISED: _words(
        """
        びっくり ビックリ 驚き 見開き 目見開き surprise surprised eyeWide 吃惊 Fcl_EYE_Surprised
        """
    ),
    Feature.EYE_RELAXED: _words(
        """
        なごみ 和み なごみ２ なごみー =_= 垂れなごみ calm relaxed はんなり
        """
    ),
    Feature.EYE_UNIMPRESSED: _words(
        """
        じと目 ジト目 じと目２ じとめ unimpressed doubt stare 半目 half
        """
    ),
    Feature.EYE_RAISED_LOWER_EYELID: _words(
        """
        下瞼上げ 下まぶた上げ 下瞼上 下まぶた 涙袋 eyeSquint lower_lid_up
        """
    ),
    Feature.IRIS_SMALL: _words("瞳小 瞳縮小 小瞳 黒目小 iris_small small_pupil pupil 瞳孔小"),
    Feature.MOUTH_AAA: _words(
        """
        あ あ２ あ３ 発音「あ」 口_あ a aa ah vrc.v_aa mouth_a mouth_a_geo MTH_A Fcl_MTH_A jawOpen
        ああ ぁぁ ワ わ ワ２
        """
    ),
    Feature.MOUTH_III: _words(
        """
        い い２ 発音「い」 口_い i ih vrc.v_ih mouth_i mouth_i_geo MTH_I Fcl_MTH_I big_i いい いー
        """
    ),
    Feature.MOUTH_UUU: _words(
        """
        う う２ 発音「う」 口_う u ou vrc.v_ou mouth_u mouth_u_geo MTH_U Fcl_MTH_U
        """
    ),
    Feature.MOUTH_EEE: _words(
        """
        え え２ 発音「え」 口_え e ee vrc.v_e mouth_e mouth_e_geo MTH_E Fcl_MTH_E えー
        """
    ),
    Feature.MOUTH_OOO: _words(
        """
        お お２ 発音「お」 口_お o oh vrc.v_oh mouth_o mouth_o_geo mouth_oh_geo MTH_O Fcl_MTH_O
        おお おお~
        """
    ),
    Feature.MOUTH_DELTA: _words("Δ ▲ △ ∧ delta mouth_delta"),
    Feature.MOUTH_LOWERED_CORNER: _words("口角下げ 口角下 への字 へ mouthFrown mouth_corner_down"),
    Feature.MOUTH_RAISED_CORNER: _words(
        """
        口角上げ 口角上 口_微笑 にっこり mouthSmile mouth_corner_up Fcl_MTH_Joy Fcl_MTH_Up
        """
    ),
    Feature.MOUTH_SMIRK: _words("はんっ！ はんっ にやり にやり２ smirk grin"),
}

# Morphs that hide the iris as まばたき does and are another expression, or replace the eye altogether.
NOT_A_WINK = _words(
    """
    なごみ なごみー なごみ２ なごみ３ 垂れなごみ 和み =_= relaxed calm はぅ はう はうっ ﾊｳ ><
    close>< ｷﾞｭｯ U目 逆U目 ムキャ！ 横丸目 目隠し頂点 じと目 じと目２ ジト目 びっくり 驚き 瞳小 瞳大
    白目 寄り目 はちゅ目 はちゅ目２ はちゅ目縦潰れ はちゅ目横潰れ 星目 はぁと ハート しいたけ
    ぐるぐる グル目 ぐる目 キラキラ目 丸目 なぬ！ 恐ろしい子！ 絶望目 青ざめ 青ざめる 暗い顔 がーん
    """
)

# Words in names of materials that stand where the skull's top should be.
HAT_WORDS = _words(
    """
    帽子 帽 ハット キャップ ヘルメット ヘッドドレス 頭巾 フード ベール 冠 ティアラ
    """
)
HAIR_WORDS = _words("髪 ヘア かみ 前髪 后发 头发 頭髪 hair kami ahoge bangs")
HAT_WORDS_LATIN = _words(
    """
    hat cap helmet hood crown beret headdress veil bonnet
    """
)

# A side word where it stands apart enough to be one: 左眨眼, 困る左, ジト目L, wink_L, eyeBlinkLeft.
_SIDE_PATTERNS = (
    re.compile(r"^(?P<side>[左右])(?=.)"),
    re.compile(r"(?<=.)(?P<side>[左右])(?=\d*$)"),
    re.compile(r"(?<=[^\x00-\x7f])(?P<side>[LRlr])(?=\d*$)"),
    re.compile(r"[_.\-\s](?P<side>left|right|l|r)(?=$|[_(\[])", re.IGNORECASE),
    re.compile(r"(?<=[a-z\d])(?P<side>Left|Right|L|R)$"),
)
_QUOTES_AND_SPACES = re.compile(r"[\s\"'“”‘’「」『』]+")
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)")
_MIDDLE_SUFFIX = re.compile(r"[_.\-](c|center)$")


@dataclass(frozen=True, slots=True)
class NameHint:
    """What a morph's name suggests."""

    feature: Feature | None
    side: Side  # LEFT or RIGHT where the name says so, else BOTH; whose left it is, it does not tell
    rank: int  # place of the name in its feature's list, 0 is the most usual


def normalize(name: str) -> str:
    """Fold the spellings of a morph name together: width, case, spaces, ウイ for ウィ."""
    folded = unicodedata.normalize("NFKC", name.strip("\0 \u3000")).casefold()
    return _QUOTES_AND_SPACES.sub("", folded).replace("ウイ", "ウィ")


def split_side(name: str) -> tuple[str, Side]:
    """Normalised name without its side word, and the side that the name speaks of.

    `Side.BOTH` stands for "no side word".
    """
    # sides in camelCase show only before the case is folded
    raw = unicodedata.normalize("NFKC", name.strip("\0 \u3000"))
    for pattern in _SIDE_PATTERNS:
        match = pattern.search(raw)
        if match:
            stem = normalize(raw[: match.start()] + raw[match.end() :]).strip("_.-")
            return stem, Side.LEFT if match["side"].casefold() in ("左", "l", "left") else Side.RIGHT
    return normalize(name), Side.BOTH


@cache
def _names_by_key() -> dict[str, tuple[Feature, int]]:
    """Normalised name to feature and rank; the first feature that claims a name keeps it."""
    table: dict[str, tuple[Feature, int]] = {}
    for feature, names in FEATURE_NAMES.items():
        for rank, name in enumerate(names):
            table.setdefault(normalize(name), (feature, rank))
    return table


@cache
def _not_a_wink_keys() -> frozenset[str]:
    return frozenset(normalize(name) for name in NOT_A_WINK)


@cache
def suggest(name: str) -> NameHint:
    """What a morph's raw name suggests; an unknown name suggests nothing."""
    table = _names_by_key()
    whole = normalize(name)
    stem, side = split_side(name)
    inside = _IN_PARENTHESES.search(stem)
    readings = [(whole, Side.BOTH), (stem, side), (_MIDDLE_SUFFIX.sub("", stem), side)]
    readings += [(inside.group(1), side)] if inside else []
    for key, key_side in readings:
        if key in table:
            feature, rank = table[key]
            return NameHint(feature, key_side, rank)
    return NameHint(None, side, len(table))


def name_hints(morphs: MorphTable) -> tuple[NameHint, ...]:
    """What the names of all morphs suggest, in file order; the English name speaks where the first is silent.

    English names are less reliable (some models have them swapped), so their rank is behind all others.
    """
    hints = []
    for name, name_en in zip(morphs.names, morphs.names_en, strict=True):
        hint = suggest(name)
        if hint.feature is None and name_en:
            english = suggest(name_en)
            hint = NameHint(english.feature, english.side, english.rank + len(_names_by_key()))
        hints.append(hint)
    return tuple(hints)


def names_another_closing(name: str) -> bool:
    """Whether a name belongs to a closed or covered eye that is neither まばたき nor 笑い."""
    return bool({normalize(name), split_side(name)[0]} & _not_a_wink_keys())


def names_hair(name: str) -> bool:
    """Whether a material's name speaks of hair."""
    key = normalize(name)
    return any(word in key for word in HAIR_WORDS) and not names_hat(name)


def names_hat(name: str) -> bool:
    """Whether a material or bone name speaks of something worn on the skull."""
    key = normalize(name)
    words = re.findall(r"[a-z]+", key)
    return any(word in key for word in HAT_WORDS) or any(word in HAT_WORDS_LATIN for word in words)
