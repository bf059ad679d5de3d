"""How mail programs introduce what they quote and sign, in the languages that we read.

Tables of plain words in lower case for marks.py, not patterns: compiling those would cost more than reading most mails.
"""

from __future__ import annotations


def _each(words: str) -> tuple[str, ...]:
    return tuple(words.split("|"))


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split("|"))


# An attribution: how it begins, and a word that stands in it; the last of its up to four lines ends with a colon.
ATTRIBUTIONS = (
    (("on ",), ("wrote",)),
    (("am ", "von "), ("schrieb",)),
    (("zitat von ",), ("zitat",)),
    (("le ",), ("a écrit",)),
    (("el ", "en ", "con fecha "), ("escribió", "escribio")),
    (("il ", "in data ", "da "), ("ha scritto", "scrive")),
    (("em ", "a ", "no dia ", "na "), ("escreveu",)),
    (("op ", "van "), ("schreef", "het volgende geschreven")),
    (("w dniu ", "dnia ", "dn. ", "użytkownik "), ("napisał", "napisała", "pisze")),
    (("den ", "på ", "fra ", "mån", "man", "tis", "ons", "tor", "fre", "lör", "lør", "sön", "søn"), ("skrev",)),
    (("dne ", "dňa "), ("napsal", "napsala", "napísal", "napísala")),
)
# Words that tell an attribution without a beginning to know it by, where a date or an address stands beside.
ATTRIBUTED = _each(
    "wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|napisał|napisała|skrev|napsal|пишет|писал|написал|"
    "написала|пише|написав|kirjoitti|yazdı|şunları yazdı|ezt írta|írta|a scris|έγραψε"
)
# The same in scripts without blanks between words.
ATTRIBUTED_UNSPACED = ("のメール", "は書きました", "写道", "寫道", "님이 작성", "年")

# The first label of a block of headers that stands above a quoted mail, and those that follow it.
FROM = _set("from|von|de|da|van|od|från|fra|lähettäjä|от|від|kimden|feladó|от кого|差出人|送信元|发件人|寄件者|보낸 사람")
HEADER = _set(
    "sent|date|to|cc|subject|reply-to|gesendet|datum|an|kopie|betreff|envoyé|envoyée|à|objet|enviado|enviado el|enviada em|"
    "fecha|para|asunto|assunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|wysłano|do|dw|temat|skickat|till|ämne|kopia|"
    "sendt|til|emne|odesláno|komu|předmět|отправлено|дата|кому|копия|тема|lähetetty|vastaanottaja|aihe|gönderildi|"
    "gönderme tarihi|kime|konu|elküldve|címzett|tárgy|送信日時|日時|宛先|件名|发送时间|收件人|抄送|主题|보낸 날짜|받는 사람|제목"
)
# What stands between dashes above a quoted or forwarded mail, and what stands above one before a colon.
SEPARATOR = _set(
    "original message|original-nachricht|original nachricht|ursprüngliche nachricht|original appointment|message d'origine|"
    "message d’origine|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht|oryginalna wiadomość|"
    "wiadomość oryginalna|ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|původní zpráva|původní e-mail|"
    "исходное сообщение|alkuperäinen viesti|元のメッセージ|原始邮件|邮件原件|원본 메시지|reply message|forwarded message|"
    "weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato|mensagem encaminhada|"
    "doorgestuurd bericht|przekazana wiadomość|vidarebefordrat meddelande|videresendt meddelelse|přeposlaná zpráva|"
    "пересылаемое сообщение|転送メッセージ|转发的邮件"
)
FORWARD = _set(
    "begin forwarded message|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|"
    "début du message réexpédié|début du message transféré|début du courriel transféré|inicio del mensaje reenviado|"
    "inizio messaggio inoltrato|início da mensagem encaminhada|início da mensagem reencaminhada|begin doorgestuurd bericht|"
    "vidarebefordrat brev"
)
# How the line begins that a telephone or a mail program adds.
DEVICE = _each(
    "sent from my |sent from iphone|sent from the all new|sent from yahoo|sent from mail for|sent from outlook|"
    "sent from samsung|sent from proton|sent with proton|sent with [proton|sent via blackberry|sent via the |sent using |"
    "get outlook for |von meinem |gesendet mit der |gesendet von meinem |gesendet von mail|gesendet von outlook|"
    "gesendet aus der |diese nachricht wurde von meinem |envoyé de mon |envoyé depuis mon |envoyé à partir de |"
    "envoyé depuis l|envoyé de outlook|télécharger outlook |enviado desde mi |enviado do meu |enviado de mi |"
    "enviado desde outlook|obtener outlook |inviato da iphone|inviato da ipad|inviato dal mio |inviato da outlook|"
    "verzonden vanaf mijn |verzonden met mijn |verzonden vanuit |wysłane z |wysłano z |skickat från min |sendt fra min |"
    "odesláno z |отправлено с |отправлено из |lähetetty iphone|lähetetty laitteesta |iphoneから送信|发自我的"
)
