package standin

import "strings"

// words are what a netsh says in one language.
type words struct {
	labels   map[string]string // by the English one; what is missing stays English
	codePage func(string) string
}

// say translates an English text and puts it into the console's code page.
func (w words) say(english string) string {
	text := english
	if t, ok := w.labels[english]; ok {
		text = t
	}
	if w.codePage == nil {
		return text
	}
	return w.codePage(text)
}

var languages = map[string]words{
	"":   {},
	"en": {},
	"de": {codePage: cp850, labels: map[string]string{
		"SSL Certificate bindings:":            "SSL-Zertifikatsbindungen:",
		"IP:port":                              "IP:Port",
		"Hostname:port":                        "Hostname:Port",
		"Central Certificate Store":            "Zentraler Zertifikatspeicher",
		"Certificate Hash":                     "Zertifikathash",
		"Application ID":                       "Anwendungs-ID",
		"Certificate Store Name":               "Zertifikatspeichername",
		"Verify Client Certificate Revocation": "Clientzertifikatsperrung überprüfen",
		"Verify Revocation Using Cached Client Certificate Only": "Sperrung ausschließlich mithilfe von Clientzertifikaten im Cache überprüfen",
		"Usage Check":                  "Verwendungsüberprüfung",
		"Revocation Freshness Time":    "Sperrungsaktualisierungszeit",
		"URL Retrieval Timeout":        "Zeitlimit für URL-Abruf",
		"Ctl Identifier":               "Steuerelement-ID",
		"Ctl Store Name":               "Steuerelement-Speichername",
		"DS Mapper Usage":              "DS-Zuordnung verwenden",
		"Negotiate Client Certificate": "Clientzertifikat aushandeln",
		"Reject Connections":           "Verbindungen ablehnen",
		"Enabled":                      "Aktiviert", "Disabled": "Deaktiviert", "Not Set": "Nicht festgelegt",
		"Extended Properties:": "Erweiterte Eigenschaften:",
		"URL Reservations:":    "URL-Reservierungen:",
		"Reserved URL":         "Reservierte URL", "User": "Benutzer", "Listen": "Überwachen", "Delegate": "Delegieren",
		"Yes": "Ja", "No": "Nein",
		"Protocol tcp Port Exclusion Ranges": "Portausschlussbereiche für das Protokoll \"tcp\"",
		"Start Port    End Port":             "Startport     Endport",
		"* - Administered port exclusions.":  "* - Verwaltete Portausschlüsse.",
		"add failed, Error":                  "Fehler beim Hinzufügen. Fehler",
		"deletion failed, Error":             "Fehler beim Löschen. Fehler",
		"successfully added":                 "erfolgreich hinzugefügt", "successfully deleted": "erfolgreich gelöscht",
		"The system cannot find the file specified.": "Das System kann die angegebene Datei nicht finden.",
		"Usage":                               "Syntax",
		"The following command was not found": "Der folgende Befehl wurde nicht gefunden",
	}},
	"ru": {codePage: cp866, labels: map[string]string{
		"SSL Certificate bindings:":            "Привязки SSL-сертификатов:",
		"IP:port":                              "IP:порт",
		"Hostname:port":                        "Имя узла:порт",
		"Central Certificate Store":            "Центральное хранилище сертификатов",
		"Certificate Hash":                     "Хэш сертификата",
		"Application ID":                       "Код приложения",
		"Certificate Store Name":               "Имя хранилища сертификатов",
		"Verify Client Certificate Revocation": "Проверять отзыв сертификатов клиента",
		"Verify Revocation Using Cached Client Certificate Only": "Проверять отзыв только по кэшированному сертификату клиента",
		"Usage Check":                  "Проверка использования",
		"Revocation Freshness Time":    "Время обновления отзыва",
		"URL Retrieval Timeout":        "Время ожидания получения URL",
		"Ctl Identifier":               "Идентификатор CTL",
		"Ctl Store Name":               "Имя хранилища CTL",
		"DS Mapper Usage":              "Использование DS Mapper",
		"Negotiate Client Certificate": "Согласование сертификата клиента",
		"Reject Connections":           "Отклонять подключения",
		"Enabled":                      "Включено", "Disabled": "Отключено", "Not Set": "Не задано",
		"Extended Properties:": "Дополнительные свойства:",
		"URL Reservations:":    "Зарезервированные URL-адреса:",
		"Reserved URL":         "Зарезервированный URL-адрес", "User": "Пользователь", "Listen": "Прослушивание", "Delegate": "Делегирование",
		"Yes": "Да", "No": "Нет",
		"Protocol tcp Port Exclusion Ranges": "Диапазоны исключений портов протокола tcp",
		"Start Port    End Port":             "Начальный порт    Конечный порт",
		"* - Administered port exclusions.":  "* - Управляемые исключения портов.",
		"add failed, Error":                  "Ошибка добавления",
		"deletion failed, Error":             "Ошибка удаления",
		"successfully added":                 "успешно добавлено", "successfully deleted": "успешно удалено",
		"The system cannot find the file specified.": "Не удается найти указанный файл.",
		"Usage":                               "Использование",
		"The following command was not found": "Не найдена следующая команда",
	}},
}

// cp850 is Western Europe's console, as far as German goes.
func cp850(text string) string { return german.Replace(text) }

var german = strings.NewReplacer("ä", "\x84", "ö", "\x94", "ü", "\x81", "Ä", "\x8e", "Ö", "\x99", "Ü", "\x9a", "ß", "\xe1")

// cp866 is the Russian console.
func cp866(text string) string { return russian.Replace(text) }

var russian = func() *strings.Replacer {
	const letters = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп" + // from 0x80
		"рстуфхцчшщъыьэюя" // from 0xe0
	var pairs []string
	code := 0x80
	for _, letter := range letters {
		if letter == 'р' {
			code = 0xe0
		}
		pairs = append(pairs, string(letter), string([]byte{byte(code)}))
		code++
	}
	return strings.NewReplacer(pairs...)
}()
