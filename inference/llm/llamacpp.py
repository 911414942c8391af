"""llama.cpp as a LanguageModel: several chats on one model, each with a part of the KV cache of its own."""

from __future__ import annotations

from pathlib import Path

from inference.errors import ModelError, NoFreeChat
from inference.llm.llama_chat import Context, LlamaChat, Shared
from inference.llm.native import FLASH_ATTENTION, NativeContext, NativeModel
from inference.llm.prompt import Prompts
from inference.llm.saved import SavedPrefixes
from inference.types import LlmCapabilities


class SequenceModel:
    """A language model whose chats are the sequences of a context, in llama.cpp's vocabulary and with its samplers.

    One thread at a time; see LanguageModel.
    """

    def __init__(
        self,
        model: NativeModel,
        context: Context,
        prefixes: SavedPrefixes,
        *,
        guesses: bool,
        threads: int = 0,
        thinks: bool = True,
    ) -> None:
        """Raise TemplateError for a model whose chat template can't be used."""
        self.model, self.context = model, context
        try:
            prompts = Prompts(model, thinks=thinks)
        except ModelError:
            context.close()
            model.close()
            raise
        self._shared = Shared(model, context, prompts, prefixes, guesses)
        self._free = list(range(context.sequences))
        self._open: dict[int, LlamaChat] = {}
        self.capabilities = LlmCapabilities(
            context_tokens=context.size,
            chats=context.sequences,
            tools=self._shared.prompts.knows_tools,
            grammar=True,
            token_probabilities=True,
            parameters=model.parameters,
            threads=threads,
        )

    def chat(self) -> LlamaChat:
        """Return a new, empty chat. Raises NoFreeChat."""
        if not self._free:
            raise NoFreeChat(self.context.sequences)
        sequence = self._free.pop(0)
        self._open[sequence] = LlamaChat(self._shared, sequence, self._closed)
        return self._open[sequence]

    def _closed(self, sequence: int) -> None:
        del self._open[sequence]
        self._free.append(sequence)

    def keep_warm(self) -> None:
        """Read the weights, so that they stay in memory; disturbs no chat."""
        self.context.keep_warm()

    def use_threads(self, threads: int) -> None:
        """See LanguageModel.use_threads."""
        self.context.use_threads(threads)

    def close(self) -> None:
        """Close the chats; free the weights and the cache."""
        for chat in list(self._open.values()):
            chat.close()
        self._free = []
        self.context.close()
        self.model.close()


class LlamaCpp(SequenceModel):
    """A GGUF model. Each chat holds up to `context_tokens`; `NativeContext` says what memory one costs."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int = 2048,
        chats: int = 1,
        threads: int = 2,
        state_dir: Path | None = None,
        thinks: bool = True,
    ) -> None:
        """`thinks`: whether a model that can think before it answers may. Raises ModelCorrupt, TemplateError."""
        model = NativeModel(path)
        most = min(context_tokens, model.context_limit or context_tokens)
        context = NativeContext(model, most, threads, chats)
        facts = path.stat()
        build = f"{model.lib.llama_print_system_info()}:{FLASH_ATTENTION}"
        identity = f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}:{context.size}:{build}"
        prefixes = SavedPrefixes(state_dir, identity)
        super().__init__(model, context, prefixes, guesses=True, threads=threads, thinks=thinks)
