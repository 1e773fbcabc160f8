"""The CRMs. One contract, one door to HTTP, one adapter a CRM."""
