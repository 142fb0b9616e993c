"""The few words that a deck says of its own, by language."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    agenda: str
    takeaways: str
    sources: str
    overview: str
    values_in: str


_LABELS = {
    "ar": Labels("جدول الأعمال", "أهم النقاط", "المصادر", "نظرة عامة", "القيم بوحدة"),
    "de": Labels("Agenda", "Das Wichtigste", "Quellen", "Überblick", "Werte in"),
    "en": Labels("Agenda", "Key takeaways", "Sources", "Overview", "Values in"),
    "es": Labels("Agenda", "Puntos clave", "Fuentes", "Resumen", "Valores en"),
    "fa": Labels("دستور کار", "نکات کلیدی", "منابع", "مرور کلی", "مقادیر به"),
    "fr": Labels("Sommaire", "À retenir", "Sources", "Vue d’ensemble", "Valeurs en"),  # noqa: RUF001
    "he": Labels("סדר היום", "עיקרי הדברים", "מקורות", "סקירה", "ערכים ב"),
    "it": Labels("Agenda", "Punti chiave", "Fonti", "Panoramica", "Valori in"),
    "ja": Labels("目次", "まとめ", "出典", "概要", "単位:"),
    "ko": Labels("목차", "핵심 정리", "출처", "개요", "단위:"),
    "nl": Labels("Agenda", "Kernpunten", "Bronnen", "Overzicht", "Waarden in"),
    "pt": Labels("Agenda", "Pontos principais", "Fontes", "Visão geral", "Valores em"),
    "ru": Labels("План", "Главное", "Источники", "Обзор", "Значения в"),
    "zh": Labels("目录", "要点总结", "资料来源", "概览", "单位:"),
}


def labels_of(language: str) -> Labels:
    """English for a language that is not listed."""
    return _LABELS.get(language.replace("_", "-").split("-")[0].lower(), _LABELS["en"])
