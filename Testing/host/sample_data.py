"""SampleData: sources are recorded; a test may give one a function that makes its node, nothing is downloaded."""

from __future__ import annotations

import sys
import types
from typing import ClassVar


class SampleDataSource:
    def __init__(self, **properties):
        self.__dict__.update(properties)


class SampleDataLogic:
    sources: ClassVar[list[SampleDataSource]] = []
    makers: ClassVar[dict] = {}  # sample name → function without arguments that returns a node; set by tests

    def __init__(self, logMessage=None):
        self.logMessage = logMessage

    @staticmethod
    def registerCustomSampleDataSource(category="Custom", sampleName=None, uris=None, fileNames=None, nodeNames=None,
                                       customDownloader=None, thumbnailFileName=None, loadFileType=None, checksums=None,
                                       loadFiles=None, loadFileProperties=None):  # fmt: skip
        values = dict(locals())
        SampleDataLogic.sources.append(SampleDataSource(**values))

    @staticmethod
    def sourceForSampleName(sampleName):
        return next((source for source in SampleDataLogic.sources if source.sampleName == sampleName), None)

    def downloadFromSource(self, source, maximumAttemptsCount=3):
        if source.customDownloader is not None:
            node = source.customDownloader(source)
        elif source.sampleName in self.makers:
            node = self.makers[source.sampleName]()
        else:
            raise RuntimeError(f"The sample {source.sampleName} could not be downloaded: there is no network.")
        return [node]

    def downloadSample(self, sampleName):
        return downloadSample(sampleName)

    def downloadSamples(self, sampleName):
        return self.downloadFromSource(self.sourceForSampleName(sampleName))

    def downloadFileIntoCache(self, uri, name, checksum=None):
        raise RuntimeError(f"{name} could not be downloaded: there is no network.")


def downloadSample(sampleName):
    source = SampleDataLogic.sourceForSampleName(sampleName)
    if source is None:
        source = SampleDataSource(sampleName=sampleName, customDownloader=None)
    return SampleDataLogic().downloadFromSource(source)[0]


def install() -> None:
    module = types.ModuleType("SampleData")
    module.SampleDataLogic, module.SampleDataSource, module.downloadSample = (
        SampleDataLogic,
        SampleDataSource,
        downloadSample,
    )
    sys.modules["SampleData"] = module
