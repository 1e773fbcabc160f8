"""Where the page is encrypted by a certificate of its own. Known before the database is open."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from ringbridge.service.config.parts import Part


class WebConfig(Part):
    certificate: Path | None = Field(
        None, description="PEM file with the page's certificate and those that signed it; empty: it is not encrypted."
    )
    key: Path | None = Field(None, description="PEM file with its key, without a passphrase.")
    host: str = Field("0.0.0.0", description="Address the encrypted page listens on.")  # noqa: S104 - meant to be reached
    port: int = Field(8443, ge=0, le=65535, description="Port of the encrypted page.")
    hsts_days: int = Field(
        0, ge=0, description="So many days browsers shall ask for the encrypted page only; 0 does not tell them."
    )

    @model_validator(mode="after")
    def _both(self) -> WebConfig:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key are set both, or none of them")
        return self
