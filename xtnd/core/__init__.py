"""The small words: money, time, errors, secrets, text; imports nothing of ours."""
