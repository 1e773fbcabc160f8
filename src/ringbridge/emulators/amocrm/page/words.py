"""The page's words."""

from __future__ import annotations

WORDS = {
    "ru": {
        "account": "Аккаунт", "me": "Сотрудник", "everybody": "Все", "rings": "Входящие звонки",
        "nobody": "Неизвестный номер",
        "create": "Создать контакт", "calls": "Звонки", "client": "Клиент", "who": "Кто", "when": "Когда",
        "contacts": "Контакты", "companies": "Компании", "leads": "Сделки", "unsorted": "Неразобранное",
        "tasks": "Задачи", "accept": "Принять", "decline": "Отклонить", "none": "Пока ничего нет.", "done": "выполнена",
        "open": "Открыть", "deadline": "Срок", "robot": "Робот", "in": "Входящий", "out": "Исходящий",
        "seconds": "с", "responsible": "Ответственный", "pipeline": "Воронка", "stage": "Этап", "requests": "Запросов",
        "busiest": "Больше всего в секунду", "notes": "Примечания", "lost": "Аккаунт не отвечает.",
        "missing": "Здесь ничего нет.",
        "tags": "Теги", "widget": "Страница с виджетом", "source": "Источник", "back": "К аккаунту",
    },
    "en": {
        "account": "Account", "me": "Employee", "everybody": "Everybody", "rings": "Incoming calls",
        "nobody": "Unknown number",
        "create": "Create a contact", "calls": "Calls", "client": "Client", "who": "Who", "when": "When",
        "contacts": "Contacts", "companies": "Companies", "leads": "Leads", "unsorted": "Incoming leads",
        "tasks": "Tasks", "accept": "Accept", "decline": "Decline", "none": "Nothing yet.", "done": "done",
        "open": "Open", "deadline": "Deadline", "robot": "Robot", "in": "Inbound", "out": "Outbound",
        "seconds": "s", "responsible": "Responsible", "pipeline": "Pipeline", "stage": "Stage", "requests": "Requests",
        "busiest": "Most in one second", "notes": "Notes", "lost": "The account does not answer.",
        "missing": "Nothing is here.",
        "tags": "Tags", "widget": "Page with the widget", "source": "Source", "back": "To the account",
    },
}  # fmt: skip

STATUSES = {
    "ru": {1: "Оставил сообщение", 2: "Перезвонить позже", 3: "Нет на месте", 4: "Разговор состоялся",
           5: "Неверный номер", 6: "Не дозвонился", 7: "Номер занят", 8: "Неизвестно"},
    "en": {1: "Left a message", 2: "Call back later", 3: "Not available", 4: "Conversation took place",
           5: "Wrong number", 6: "Not reached", 7: "Busy", 8: "Undefined"},
}  # fmt: skip
